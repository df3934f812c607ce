/** The sign-in form; asks for the project where there are several. */

import { type FormEvent, useRef, useState } from "react";
import type { Project } from "../contract";
import type { Session } from "../session/machine";
import { openSession } from "../session/signing-in";
import { t } from "../texts";
import { sentenceOf } from "../wamp/errors";

interface Choice {
  readonly projects: readonly Project[];
  readonly choose: (project: string) => void;
}

interface Props {
  readonly url: string;
  readonly sentence: string | null;
  readonly onOpen: (session: Session) => void;
}

export function SignIn({ url, sentence, onOpen }: Props) {
  const [problem, setProblem] = useState(sentence);
  const [isBusy, setBusy] = useState(false);
  const [choice, setChoice] = useState<Choice | null>(null);
  const password = useRef<HTMLInputElement>(null);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const [user, secret] = [String(form.get("user")), String(form.get("password"))];
    setBusy(true);
    setProblem(null);
    try {
      const choose = (projects: readonly Project[]) =>
        new Promise<string>((resolve) => setChoice({ projects, choose: resolve }));
      onOpen(await openSession(url, user.trim(), secret, choose));
    } catch (error) {
      setProblem(sentenceOf(error));
      setChoice(null);
      setBusy(false);
      password.current?.select();
    }
  }

  return (
    <main className="sign-in">
      <h1>{t.brand}</h1>
      {choice ? (
        <ChooseProject {...choice} />
      ) : (
        <form className="panel" onSubmit={submit} data-testid="sign-in">
          <label>
            {t.signIn.user}
            <input
              name="user"
              autoComplete="username"
              autoCapitalize="none"
              spellCheck={false}
              required
              data-testid="user"
            />
          </label>
          <label>
            {t.signIn.password}
            <input
              ref={password}
              name="password"
              type="password"
              autoComplete="current-password"
              required
              data-testid="password"
            />
          </label>
          <button type="submit" className="primary" disabled={isBusy} data-testid="submit">
            {isBusy ? t.signIn.busy : t.signIn.submit}
          </button>
          <p role="alert" className="problem" data-testid="sign-in-problem">
            {problem}
          </p>
        </form>
      )}
    </main>
  );
}

function ChooseProject({ projects, choose }: Choice) {
  return (
    <section className="panel" aria-label={t.signIn.choose} data-testid="projects">
      <p>{t.signIn.several}</p>
      {projects.map(({ project, name }) => (
        <button key={project} type="button" onClick={() => choose(project)}>
          {name || project}
        </button>
      ))}
    </section>
  );
}
