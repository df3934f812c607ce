/** The small parts every page is made of. Grey is normal; colour means act (ISA-101). */

import {
  type ButtonHTMLAttributes,
  type HTMLAttributes,
  type ReactNode,
  useEffect,
  useId,
} from "react";
import { t } from "../texts";
import { agoText, momentText } from "./format";
import { useNow } from "./hooks";

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly look?: "primary" | "act" | "danger" | "plain" | undefined; // act: somebody is waited for
  readonly isBusy?: boolean;
}

export function Button({ look, isBusy = false, disabled, className, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      className={[look, className].filter(Boolean).join(" ") || undefined}
      aria-busy={isBusy || undefined}
      disabled={disabled || isBusy}
      {...rest}
    />
  );
}

/** A page's heading: `place` is the way back up, `children` are its actions. */
export function PageHead({
  title,
  place,
  note,
  children,
}: {
  readonly title: string;
  readonly place?: { readonly name: string; readonly href: string } | undefined;
  readonly note?: ReactNode;
  readonly children?: ReactNode;
}) {
  useEffect(() => {
    document.title = `${title} – ${t.brand}`;
    return () => {
      document.title = t.brand;
    };
  }, [title]);
  return (
    <div className="page-head">
      <div>
        {place && (
          <nav aria-label={place.name}>
            <a href={place.href}>{place.name}</a>
          </nav>
        )}
        <h1>{title}</h1>
        {note && <span className="quiet">{note}</span>}
      </div>
      {children && <div className="buttons">{children}</div>}
    </div>
  );
}

interface PanelProps {
  readonly title?: string;
  readonly name?: string; // for tests
  readonly isStale?: boolean; // what is inside steps back
  readonly actions?: ReactNode;
  readonly className?: string;
  readonly children: ReactNode;
}

export function Panel({ title, name, isStale = false, actions, className, children }: PanelProps) {
  const id = useId();
  return (
    <section
      className={["panel", className].filter(Boolean).join(" ")}
      aria-labelledby={title ? id : undefined}
      data-stale={isStale}
      data-testid={name}
    >
      {(title || actions) && (
        <div className="panel-head">
          {title && <h2 id={id}>{title}</h2>}
          {actions && <div className="buttons">{actions}</div>}
        </div>
      )}
      {children}
    </section>
  );
}

/** A sentence about something that went wrong. */
export function Problem({ children, name }: { children: ReactNode; name?: string }) {
  return (
    <div role="alert" className="problem" data-testid={name}>
      {children}
    </div>
  );
}

/** A sentence that nobody needs to act on. */
export function Quiet({ children, name }: { children: ReactNode; name?: string }) {
  return (
    <p className="quiet" data-testid={name}>
      {children}
    </p>
  );
}

export type Tone = "normal" | "lit" | "quiet" | "act" | "bad";

/** How something stands, in one word. `lit`: under way; `act`: waits for somebody. */
export function Status({
  tone,
  children,
  ...rest
}: { tone: Tone; children: ReactNode } & HTMLAttributes<HTMLSpanElement>) {
  return (
    <span className={`status ${tone}`} {...rest}>
      {children}
    </span>
  );
}

/** Whether a device is online. */
export function OnlineMark({ isOnline }: { isOnline: boolean }) {
  return (
    <span className={isOnline ? "mark" : "mark off"} data-testid="online" data-online={isOnline}>
      {isOnline ? t.ui.online : t.ui.offline}
    </span>
  );
}

interface FieldProps {
  readonly label: string;
  readonly hint?: ReactNode;
  readonly problem?: string | null | undefined;
  readonly children: ReactNode; // one control
}

/** A control with its label, its hint, and what is wrong with it. */
export function Field({ label, hint, problem, children }: FieldProps) {
  return (
    <div className="field">
      {/* biome-ignore lint/a11y/noLabelWithoutControl: the control is handed in */}
      <label>
        <span className="label">{label}</span>
        {children}
      </label>
      {hint && <span className="quiet hint">{hint}</span>}
      {problem && (
        <span role="alert" className="problem">
          {problem}
        </span>
      )}
    </div>
  );
}

export function Check({
  label,
  ...rest
}: { readonly label: string } & React.InputHTMLAttributes<HTMLInputElement>) {
  return (
    <label className="check">
      <input type="checkbox" {...rest} />
      {label}
    </label>
  );
}

/** A search field; `/` leads to it. */
export function Search({
  value,
  onChange,
  label = t.ui.search,
  name = "search",
}: {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly label?: string;
  readonly name?: string;
}) {
  return (
    <input
      type="search"
      aria-label={label}
      placeholder={label}
      value={value}
      onChange={({ target }) => onChange(target.value)}
      data-testid={name}
    />
  );
}

/** Tabs as links: the address tells which is open. */
export function Tabs({
  tabs,
  label,
}: {
  readonly label: string;
  readonly tabs: readonly {
    readonly name: string;
    readonly href: string;
    readonly isOpen: boolean;
  }[];
}) {
  return (
    <nav className="tabs" aria-label={label}>
      {tabs.map(({ name, href, isOpen }) => (
        <a key={href} href={href} aria-current={isOpen ? "page" : undefined}>
          {name}
        </a>
      ))}
    </nav>
  );
}

/** A moment: the time of day, with the date when it was not today; the exact one as title. */
export function Moment({ ms }: { readonly ms: number | null | undefined }) {
  const now = useNow(60_000);
  if (ms === null || ms === undefined) return <>–</>;
  return (
    <time dateTime={new Date(ms).toISOString()} title={new Date(ms).toISOString()}>
      {momentText(ms, now)}
    </time>
  );
}

/** How long ago, roughly. */
export function Ago({ ms }: { readonly ms: number | null | undefined }) {
  const now = useNow(30_000);
  if (ms === null || ms === undefined) return <>{t.ui.never}</>;
  return (
    <time dateTime={new Date(ms).toISOString()} title={new Date(ms).toISOString()}>
      {agoText(ms, now)}
    </time>
  );
}

/** Names and values, two columns. */
export function Facts({ facts }: { readonly facts: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
