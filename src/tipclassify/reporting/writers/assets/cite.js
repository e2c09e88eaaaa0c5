// Citations of a finding, for the clipboard.

function citers(finding) {
  const copy = button("Copy citation", async () => {
    copy.textContent = (await write(citation(finding))) ? "Copied" : "Not copied: not allowed here";
    setTimeout(() => (copy.textContent = "Copy citation"), 2000);
  });
  return [copy];
}

function citation({ mark, article, section, labels }) {
  const { title, country, year, source, rows } = article.dataset;
  const [start, end] = mark.dataset.at.split("-");
  const named = [title, [country, year].filter(Boolean).join(", ")].filter(Boolean);
  const where = [
    named.length === 2 ? `${named[0]} (${named[1]})` : named[0],
    section === "No section" ? "" : `section “${section}”`,
    mark.dataset.page ? `p. ${mark.dataset.page}` : "",
    source,
    rows === undefined ? "" : `row ${mark.id.split("p")[1]}`,
    `characters ${start}–${end}`,
  ].filter(Boolean);
  const thresholds = document.body.dataset.thresholds.split(" ");
  const tags = labels.map(
    ({ letter, score }) =>
      `${NAMES[letter].toLowerCase()} (probability ${score.toFixed(4)}, threshold ${thresholds[LETTERS.indexOf(letter)]})`,
  );
  const quote = mark.textContent.replace(/\s+/g, " ").trim();
  return `“${quote}” ${where.join(", ")}. Tagged ${tags.join(" and ")} by ${document.body.dataset.tool}.`;
}

async function write(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const box = made("textarea"); // files opened from a disk may lack the clipboard interface
    box.value = text;
    open.card.append(box);
    box.select();
    const done = document.execCommand("copy");
    box.remove();
    return done;
  }
}
