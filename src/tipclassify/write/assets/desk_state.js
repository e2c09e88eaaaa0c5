// What the desk shows: a view, its numbers and the order of its table.
// Covered by tests/reports/test_desk.py, in a browser.

export const VIEWS = ["map", "reports", "findings", "saved"];

export const deskState = {
  view: VIEWS[0],
  shares: false, // in the map, of passages; else counts
  sortedBy: "", // a column of the table, or after a minus its reverse: "year", "-year"
};

// Views that show what the filters leave: one is drawn when it is looked at.
export const drawn = new Set();
