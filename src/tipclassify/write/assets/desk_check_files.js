// Checks that this browser keeps, exported as a file and imported from one.
// Covered by tests/reports/test_desk.py, in a browser.
import { addChecks, checks, sayKept } from "./desk_checks.js";
import { passages } from "./desk_data.js";
import { downloadFile, say } from "./desk_page.js";
import { KEEPS_NOTHING } from "./desk_store.js";
import { labelOf, plural } from "./labels.js";

// `onImport` is called when checks were added.
export function listenToCheckFiles(onImport) {
  document.getElementById("export-checks").addEventListener("click", exportChecks);
  document.getElementById("import-checks").addEventListener("change", async ({ target }) => {
    const imported = await readFile(target);
    if (!imported) {
      sayKept("This file holds no checks of a desk: choose one that was exported here.");
      return;
    }
    const { added, isKept } = addChecks(imported);
    sayKept(isKept ? "" : KEEPS_NOTHING);
    say(`Imported ${plural(added, "check")}`);
    onImport();
  });
}

function exportChecks() {
  // what was checked, so that a bundle of other files finds it again
  const findings = {};
  for (const { key, text, start, end, letters } of passages) {
    if (checks.has(key)) findings[key] = { text, start, end, labels: letters.map(labelOf) };
  }
  const data = {
    desk: document.body.dataset.desk,
    checks: Object.fromEntries(checks),
    findings,
  };
  const json = JSON.stringify(data, null, 1);
  downloadFile(new Blob([json], { type: "application/json" }), "desk-checks.json");
  say(`Exported the checks of ${plural(checks.size, "finding")}`);
}

// The checks of the chosen file, or null if it holds none.
async function readFile(input) {
  try {
    const { checks: imported } = JSON.parse(await input.files[0].text());
    return typeof imported === "object" ? imported : null;
  } catch {
    return null;
  } finally {
    input.value = "";
  }
}
