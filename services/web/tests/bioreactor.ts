/** The seed's workflow, as the examples folder has it. */

import definition from "../../../examples/flows/bioreactor.json";
import { parseWorkflow } from "../src/workflow/definition";

export const bioreactor = parseWorkflow(definition);
