// What all views of the desk do: say something, sort names, hand over files.
// Covered by tests/reports/test_desk.py, in a browser.
import { makeElement } from "./elements.js";

// Say something to whoever hears the page.
export function say(text) {
  document.getElementById("status").textContent = text;
}

// Compare two names, for a sort.
export const inOrder = new Intl.Collator("en", { numeric: true }).compare;

export function downloadFile(blob, name) {
  const address = URL.createObjectURL(blob);
  makeElement("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
