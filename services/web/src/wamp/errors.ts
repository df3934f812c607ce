/** What can go wrong between the page and the fleet, each with a sentence to show. */

import { t } from "../texts";

/** A failure that the other side told us about; `uri` names it for programs. */
export class FleetError extends Error {
  override readonly name = "FleetError";

  constructor(
    readonly uri: string,
    sentence: string,
    readonly details: Readonly<Record<string, unknown>> = {},
  ) {
    super(sentence);
  }
}

/** The link to the router is down or broke under way; what became of a call is not known. */
export class LinkLost extends Error {
  override readonly name = "LinkLost";

  constructor(sentence: string = t.link.absent) {
    super(sentence);
  }
}

/** Nobody answered in time; what became of the call is not known. */
export class CallTimedOut extends Error {
  override readonly name = "CallTimedOut";
}

/** The router did not let us in. */
export class Refused extends Error {
  override readonly name = "Refused";

  constructor(
    readonly uri: string,
    sentence: string,
  ) {
    super(sentence);
  }
}

/** The sentence to show for any failure. */
export function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

interface WampFailure {
  readonly errorUri?: string;
  readonly argsList?: readonly unknown[];
  readonly argsDict?: { readonly details?: Readonly<Record<string, unknown>> };
}

/** Our own error for what wampy throws when `uri` was called or subscribed to. */
export function fromWamp(uri: string, thrown: unknown): Error {
  const { errorUri, argsList, argsDict } = (thrown ?? {}) as WampFailure;
  switch (errorUri) {
    case undefined:
      return new LinkLost(t.link.broke(uri));
    case "wamp.error.no_such_procedure":
    case "wamp.error.canceled":
      return new FleetError(errorUri, t.link.unserved(uri));
    case "wamp.error.not_authorized":
      return new FleetError(errorUri, t.link.forbidden(uri));
    default:
      return new FleetError(errorUri, String(argsList?.[0] ?? errorUri), argsDict?.details);
  }
}
