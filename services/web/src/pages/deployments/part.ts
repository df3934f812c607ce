import type { Faults, Form } from "../../deployments/form";

/** What the parts of the form get. */
export interface FormPart {
  readonly form: Form;
  readonly faults: Faults;
  readonly change: (change: Partial<Form>) => void;
}
