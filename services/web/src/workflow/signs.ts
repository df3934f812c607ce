/** What marks the kind of a listener, drawn around the origin within a circle of radius 7. */
export const LISTENER_SIGNS: Readonly<Record<string, string>> = {
  START: "M-4 -6 6 0 -4 6Z",
  TIMER: "M0 -6V0L4 3",
  APPROVAL: "M-6 0 -2 5 6 -5",
  CONDITION: "M-6 4C-3 4 -3 -4 0 -4S3 2 6 2",
};
