export const ui = {
  cancel: "Cancel",
  close: "Close",
  search: "Search",
  select: (name: string) => `Select ${name}`,
  selectAll: "Select all that are shown",
  selected: (count: number) => `${count} selected`,
  none: "None",
  loading: "Asking …",
  retry: "Ask again",
  more: "More",
  now: "now",
  never: "never",
  sortedBy: (name: string, isUp: boolean) =>
    `sorted by ${name}, ${isUp ? "ascending" : "descending"}`,
};
