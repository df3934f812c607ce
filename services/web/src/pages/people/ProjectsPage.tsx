/**
 * The projects a person is in. A session opens one; another needs the password again.
 *
 * The password is used for one link as the person, and not kept; the link is left with
 * the page.
 */

import { useEffect, useRef, useState } from "react";
import { useScope } from "../../app/asking";
import { useCommand } from "../../app/command";
import { go } from "../../app/routes";
import {
  ACCEPT_INVITATION,
  CREATE_PROJECT,
  LIST_PROJECTS,
  OPEN_SESSION,
  type Project,
} from "../../contract";
import { CLIENT, joinAsPerson, received } from "../../session/signing-in";
import { t } from "../../texts";
import { Button, Facts, Field, PageHead, Panel, Problem, Quiet } from "../../ui/basics";
import { useToast } from "../../ui/toasts";
import type { Link } from "../../wamp/link";
import { PeopleTabs, roleName } from "./parts";

const MAKING_MS = 60_000; // a realm and a database

export default function ProjectsPage() {
  const words = t.people.projects;
  const { session, signOut } = useScope();
  const person = usePerson();
  return (
    <>
      <PageHead title={words.title}>
        <Button onClick={signOut}>{words.signOut}</Button>
      </PageHead>
      <PeopleTabs open="projects" />
      <Panel title={words.here}>
        <Facts
          facts={[
            [words.project, session.project],
            [words.role, roleName(session.role)],
          ]}
        />
      </Panel>
      <Panel title={words.others} name="projects-others">
        {person.problem && <Problem>{person.problem}</Problem>}
        {person.projects ? (
          <Others person={person} projects={person.projects} />
        ) : (
          <Unlock person={person} />
        )}
      </Panel>
      {person.projects && (
        <>
          <Join person={person} />
          <Create person={person} />
        </>
      )}
    </>
  );
}

type Person = ReturnType<typeof usePerson>;

/** A link as the person, once the password was given. */
function usePerson() {
  const { url, session } = useScope();
  const command = useCommand();
  const link = useRef<Link | null>(null);
  const [projects, setProjects] = useState<readonly Project[] | null>(null);
  useEffect(
    () => () => {
      link.current?.leave();
      link.current = null;
    },
    [],
  );
  async function ask<Answer>(act: (link: Link) => Promise<Answer>): Promise<Answer | null> {
    let answer: Answer | null = null;
    await command.perform("project", async () => {
      if (link.current) answer = await act(link.current);
    });
    return answer;
  }
  async function list(of: Link) {
    setProjects((await of.call(LIST_PROJECTS, {})).projects);
  }
  async function unlock(password: string) {
    await command.perform("unlock", async () => {
      link.current?.leave();
      const made = await joinAsPerson(url, session.user, password);
      link.current = made;
      await list(made);
    });
  }
  return { ...command, projects, unlock, ask, list };
}

function Unlock({ person }: { person: Person }) {
  const words = t.people.projects;
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault();
        void person.unlock(String(new FormData(event.currentTarget).get("password")));
      }}
    >
      <Quiet>{words.means}</Quiet>
      <Field label={words.password}>
        <input
          name="password"
          type="password"
          required
          autoComplete="current-password"
          data-testid="project-password"
        />
      </Field>
      <div className="buttons">
        <Button type="submit" isBusy={person.busy !== null} data-testid="show-projects">
          {words.show}
        </Button>
      </div>
    </form>
  );
}

function Others({ person, projects }: { person: Person; projects: readonly Project[] }) {
  const words = t.people.projects;
  const { session, open } = useScope();
  async function enter(project: string) {
    const ticket = await person.ask((link) => link.call(OPEN_SESSION, { project, client: CLIENT }));
    if (!ticket) return;
    go("#/devices");
    open(received(ticket));
  }
  return (
    <>
      {projects.length < 2 && <Quiet>{words.none}</Quiet>}
      <ul className="projects-list">
        {projects.map(({ project, name }) => (
          <li key={project} data-testid="project-row" data-project={project}>
            <span>
              {name || project} {name && <span className="quiet">{project}</span>}
            </span>
            {project === session.project ? (
              <span className="quiet">{words.isHere}</span>
            ) : (
              <Button
                aria-label={words.openOf(name || project)}
                isBusy={person.busy !== null}
                onClick={() => void enter(project)}
                data-testid="open-project"
              >
                {words.open}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}

function Join({ person }: { person: Person }) {
  const words = t.people.projects;
  const note = useToast();
  async function join(form: HTMLFormElement) {
    const code = String(new FormData(form).get("code")).trim();
    const joined = await person.ask(async (link) => {
      const user = await link.call(ACCEPT_INVITATION, { code });
      await person.list(link);
      return user;
    });
    if (!joined) return;
    note(words.joined(joined.role));
    form.reset();
  }
  return (
    <Panel title={words.join}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          void join(event.currentTarget);
        }}
      >
        <Quiet>{words.joinMeans}</Quiet>
        <Field label={words.code}>
          <input name="code" required autoComplete="off" data-testid="join-code" />
        </Field>
        <div className="buttons">
          <Button type="submit" isBusy={person.busy !== null} data-testid="join">
            {words.joinSubmit}
          </Button>
        </div>
      </form>
    </Panel>
  );
}

function Create({ person }: { person: Person }) {
  const words = t.people.projects;
  const note = useToast();
  async function create(form: HTMLFormElement) {
    const fields = new FormData(form);
    const project = String(fields.get("project")).trim();
    const name = String(fields.get("name")).trim();
    const made = await person.ask(async (link) => {
      const answer = await link.call(CREATE_PROJECT, { project, name }, {}, MAKING_MS);
      await person.list(link);
      return answer;
    });
    if (!made) return;
    note(words.created(made.project));
    form.reset();
  }
  return (
    <Panel title={words.create}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          void create(event.currentTarget);
        }}
      >
        <Quiet>{words.createMeans}</Quiet>
        <Field label={words.id} hint={words.idHint}>
          <input
            name="project"
            required
            autoComplete="off"
            autoCapitalize="none"
            data-testid="new-project"
          />
        </Field>
        <Field label={words.name}>
          <input name="name" autoComplete="off" data-testid="new-project-name" />
        </Field>
        <div className="buttons">
          <Button type="submit" isBusy={person.busy !== null} data-testid="create-project">
            {words.createSubmit}
          </Button>
        </div>
      </form>
    </Panel>
  );
}
