// Tables sorted by a column: a click or a key on its head sorts, another turns it round, a third restores the order.

for (const table of all("table.sortable")) {
  const [body] = table.tBodies;
  const order = Array.from(body.rows);
  const heads = Array.from(table.tHead.rows[0].cells);
  heads.forEach((head, column) => {
    const control = button("", () => {
      const words = column < heads.findIndex((other) => other.dataset.numbers !== undefined);
      const [first, second] = words ? ["ascending", "descending"] : ["descending", "ascending"];
      const now = head.getAttribute("aria-sort");
      const next = now === first ? second : now === second ? null : first;
      for (const other of heads) other.removeAttribute("aria-sort");
      if (next) head.setAttribute("aria-sort", next);
      const sign = next === "descending" ? -1 : 1;
      const rows = order.map((row, i) => ({ row, i, text: row.cells[column].textContent }));
      const value = ({ text }) =>
        words ? text : Number(text.replace(/,/g, "").match(/^\d+/)?.[0] ?? -1);
      const compared = (a, b) =>
        words ? value(a).localeCompare(value(b), "en", { numeric: true }) : value(a) - value(b);
      if (next) rows.sort((a, b) => sign * compared(a, b) || a.i - b.i);
      body.append(...rows.map(({ row }) => row));
    });
    control.append(...head.childNodes);
    head.append(control);
  });
}
