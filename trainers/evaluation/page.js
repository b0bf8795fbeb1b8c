// A click on a column's head sorts the table by it; a second one turns the order round.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.querySelectorAll("th")];
  heads.forEach((head, column) => head.addEventListener("click", () => {
    const ascending = head.getAttribute("aria-sort") !== "ascending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
    const rows = [...table.tBodies[0].rows].sort((a, b) => {
      const [x, y] = [key(a), key(b)];
      const order = column ? parseFloat(x || -1) - parseFloat(y || -1) : x.localeCompare(y);
      return ascending ? order : -order;
    });
    table.tBodies[0].append(...rows);
  }));
}

// A click on a picture shows its three panels below each other, as wide as the page.
for (const panels of document.querySelectorAll(".panels")) {
  panels.addEventListener("click", () => panels.classList.toggle("wide"));
}
