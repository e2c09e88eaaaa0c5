// A citation as plain text, BibTeX and RIS, character by character what citation.py gives for the same fields.

const isOnline = (address) => /^https?:\/\/[^{}\\ ]*$/i.test(address);
const known = (...values) => values.filter(Boolean);
const tagged = (cited) => `Tagged ${cited.labels || "with no label"} by ${cited.model}.`;
const keywords = (cited) => [...LABELS.filter((label) => cited.labels.includes(label)), ...known(cited.country)];

function placeOf({ section, page, paragraph, characters }) {
  const parts = section ? [`section “${section}”`] : [];
  if (page) parts.push(`p. ${page}`);
  if (paragraph) parts.push(`paragraph ${paragraph}${section ? " of the section" : ""}`);
  return [...parts, `characters ${characters}`].join(", ");
}

function sourceOf(cited) {
  const about = known(cited.country, cited.year).join(", ");
  const what = known(cited.title, cited.publication, cited.publisher).join(", ");
  const named = about ? `${what} (${about})` : what;
  const address = cited.address === cited.title ? "" : `, ${cited.address}`;
  const read = cited.read ? ` (read ${cited.read})` : "";
  return `${named}, ${placeOf(cited)}${address}${read}. ${tagged(cited)}`;
}

const plainCitation = (cited) => `“${cited.quote}” ${sourceOf(cited)}`;

const TEX = { "\\": "\\textbackslash{}", "{": "\\textbraceleft{}", "}": "\\textbraceright{}" };
Object.assign(TEX, { "~": "\\textasciitilde{}", "^": "\\textasciicircum{}" });
const escapeTex = (text) => text.replace(/[\\{}~^%&_#$]/g, (char) => TEX[char] ?? `\\${char}`);

function bibtexCitation(cited) {
  const place = placeOf(cited);
  const fields = [
    ["title", cited.title],
    ["series", cited.publication],
    ["organization", cited.publisher],
    ["year", cited.year],
    ["pages", cited.page],
    [isOnline(cited.address) ? "url" : "howpublished", cited.address],
    ["urldate", cited.read],
    ["keywords", keywords(cited).join(", ")],
    ["note", `${place[0].toUpperCase()}${place.slice(1)}. ${tagged(cited)}`],
    ["annote", `“${cited.quote}”`],
  ].filter(([, text]) => text);
  const value = ([name, text]) => (name === "url" ? text : name === "title" ? `{${escapeTex(text)}}` : escapeTex(text));
  return `@misc{${cited.key},\n${fields.map((field) => `  ${field[0]} = {${value(field)}},\n`).join("")}}\n`;
}

function risCitation(cited) {
  const fields = [
    ["TY", "RPRT"],
    ["ID", cited.key],
    ["TI", cited.title],
    ["T2", cited.publication],
    ["PB", cited.publisher],
    ["PY", cited.year],
    ["SE", cited.section],
    ["SP", cited.page],
    ["UR", isOnline(cited.address) ? cited.address : ""],
    ["Y2", cited.read.replace(/-/g, "/")],
    ...keywords(cited).map((word) => ["KW", word]),
    ["AB", `“${cited.quote}”`],
    ["N1", sourceOf(cited)],
  ].filter(([, text]) => text);
  return fields.map(([tag, text]) => `${tag}  - ${text}\r\n`).join("") + "ER  - \r\n";
}

// Copy to the clipboard; false where the browser allows neither way.
async function copyText(text, near) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const box = document.createElement("textarea"); // pages opened from a disk may lack the clipboard interface
    box.ariaLabel = "Citation";
    box.value = text;
    near.append(box);
    box.select();
    const done = document.execCommand("copy");
    box.remove();
    return done;
  }
}
