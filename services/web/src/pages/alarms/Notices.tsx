/** Who is told of alarms outside of Heddle: webhooks and e-mail addresses. */

import { useState } from "react";
import { SEVERITIES } from "../../alarms/severity";
import { useAsk, useMay, useTell } from "../../app/asking";
import { ConfirmDialog } from "../../app/ConfirmDialog";
import { useDevices } from "../../app/devices";
import {
  type AlarmSeverity,
  LIST_NOTICE_TARGETS,
  type NoticeTarget,
  type NoticeTargetReport,
  REMOVE_NOTICE_TARGETS,
  SEND_TEST_NOTICE,
  SET_NOTICE_TARGETS,
} from "../../contract";
import { t } from "../../texts";
import { Button, Check, Field, PageHead, Panel, Problem, Quiet } from "../../ui/basics";
import { FormDialog } from "../../ui/Dialog";
import { type Column, Table } from "../../ui/Table";
import { useToast } from "../../ui/toasts";
import { AlarmTabs } from "./AlarmTabs";

type Changing = NoticeTargetReport | "new" | null;

export function Notices() {
  const words = t.alarms.notices;
  const { data, problem, isStale } = useAsk(LIST_NOTICE_TARGETS, {}, { everyMs: 15_000 });
  const may = useMay(SET_NOTICE_TARGETS);
  const [changing, setChanging] = useState<Changing>(null);
  const [removing, setRemoving] = useState<string | null>(null);
  const test = useTell(SEND_TEST_NOTICE, LIST_NOTICE_TARGETS);
  const note = useToast();
  async function send(target: string) {
    if (await test.tell({ target })) note(words.taken(target));
  }
  const columns = columnsOf({
    may,
    isBusy: test.busy !== null,
    onChange: setChanging,
    onRemove: setRemoving,
    onTest: (target) => void send(target),
  });
  return (
    <>
      <PageHead title={words.title}>
        {may && (
          <Button look="primary" onClick={() => setChanging("new")} data-testid="new-target">
            {words.add}
          </Button>
        )}
      </PageHead>
      <AlarmTabs open="notices" />
      <Panel isStale={isStale} name="notices">
        <Quiet>{may ? words.means : `${words.means} ${words.ownersOnly}`}</Quiet>
        {problem && <Problem>{problem}</Problem>}
        {test.problem && <Problem name="test-problem">{test.problem}</Problem>}
        {!data && !problem && <Quiet>{t.ui.loading}</Quiet>}
        {data?.targets.length === 0 && <Quiet>{words.none}</Quiet>}
        {data && data.targets.length > 0 && (
          <Table
            label={words.title}
            name="target"
            columns={columns}
            rows={data.targets}
            keyOf={({ target }) => target.target}
            data={({ target }) => ({ "data-target": target.target })}
          />
        )}
      </Panel>
      {changing && (
        <TargetDialog
          {...(changing === "new" ? {} : { former: changing })}
          onClose={() => setChanging(null)}
        />
      )}
      {removing !== null && <RemoveDialog name={removing} onClose={() => setRemoving(null)} />}
    </>
  );
}

interface Options {
  readonly may: boolean;
  readonly isBusy: boolean;
  readonly onChange: (report: NoticeTargetReport) => void;
  readonly onRemove: (name: string) => void;
  readonly onTest: (name: string) => void;
}

function columnsOf(options: Options): readonly Column<NoticeTargetReport>[] {
  const words = t.alarms.notices;
  const columns: Column<NoticeTargetReport>[] = [
    {
      id: "target",
      title: words.heads.target,
      width: "minmax(5rem, 0.8fr)",
      cell: ({ target }) => target.target,
    },
    {
      id: "where",
      title: words.heads.where,
      width: "minmax(0, 2fr)",
      cell: ({ target, has_secret, error }) => (
        <div className="alarm-name">
          {target.url ?? target.mail.join(", ")}{" "}
          {has_secret && <span className="alarm-flag">{words.secret}</span>}
          {error && <div className="problem">{words.error(error)}</div>}
        </div>
      ),
    },
    {
      id: "what",
      title: words.heads.what,
      width: "minmax(7rem, 1.2fr)",
      onPhone: false,
      cell: ({ target }) =>
        [
          words.from(t.alarms.severity[target.min_severity]),
          target.device ? words.onlyOf(target.device) : "",
          target.cleared ? words.cleared : "",
        ]
          .filter(Boolean)
          .join(", "),
    },
    {
      id: "waiting",
      title: words.heads.waiting,
      width: "4.5rem",
      align: "right",
      onPhone: false,
      cell: ({ waiting }) => waiting,
    },
    {
      id: "given-up",
      title: words.heads.givenUp,
      width: "4.5rem",
      align: "right",
      onPhone: false,
      cell: ({ given_up }) => given_up,
    },
  ];
  if (!options.may) return columns;
  return [...columns, deedsOf(options)];
}

function deedsOf({ isBusy, onChange, onRemove, onTest }: Options): Column<NoticeTargetReport> {
  const words = t.alarms.notices;
  return {
    id: "deeds",
    title: words.heads.deeds,
    width: "var(--alarm-deeds-wide)",
    cell: (report) => {
      const name = report.target.target;
      return (
        <div className="buttons">
          <Button
            aria-label={words.testOf(name)}
            isBusy={isBusy}
            onClick={() => onTest(name)}
            data-testid="test-target"
          >
            {words.test}
          </Button>
          <Button
            aria-label={words.changeOf(name)}
            onClick={() => onChange(report)}
            data-testid="change-target"
          >
            {words.change}
          </Button>
          <Button
            aria-label={words.removeOf(name)}
            onClick={() => onRemove(name)}
            data-testid="remove-target"
          >
            {words.remove}
          </Button>
        </div>
      );
    },
  };
}

function TargetDialog({
  former,
  onClose,
}: {
  readonly former?: NoticeTargetReport;
  readonly onClose: () => void;
}) {
  const words = t.alarms.notices;
  const { devices } = useDevices();
  const { tell, busy, problem } = useTell(SET_NOTICE_TARGETS, LIST_NOTICE_TARGETS);
  const note = useToast();
  const [isMail, setMail] = useState(former ? former.target.mail.length > 0 : false);
  const target = former?.target;
  async function save(form: FormData) {
    const wanted = targetOf(form, isMail, target?.target);
    if (!(await tell({ targets: [wanted] }))) return;
    note(words.saved(wanted.target));
    onClose();
  }
  return (
    <FormDialog
      title={target ? words.changeTitle(target.target) : words.newTitle}
      name="target-dialog"
      submit={words.save}
      isBusy={busy !== null}
      problem={problem}
      onSubmit={(form) => void save(form)}
      onClose={onClose}
    >
      {!target && (
        <Field label={words.name} hint={words.nameHint}>
          <input
            name="target"
            required
            autoComplete="off"
            autoCapitalize="none"
            data-testid="target-name"
          />
        </Field>
      )}
      <Field label={words.way}>
        <select
          value={isMail ? "mail" : "url"}
          onChange={({ target: chosen }) => setMail(chosen.value === "mail")}
          data-testid="target-way"
        >
          <option value="url">{words.webhook}</option>
          <option value="mail">{words.mail}</option>
        </select>
      </Field>
      {isMail ? (
        <Field label={words.addresses} hint={words.addressesHint}>
          <textarea
            name="mail"
            required
            defaultValue={target?.mail.join("\n") ?? ""}
            data-testid="target-mail"
          />
        </Field>
      ) : (
        <>
          <Field label={words.url} hint={words.urlHint}>
            <input
              name="url"
              type="url"
              required
              defaultValue={target?.url ?? ""}
              data-testid="target-url"
            />
          </Field>
          <Field label={words.token} hint={words.tokenHint}>
            <input
              name="secret"
              type="password"
              autoComplete="new-password"
              data-testid="target-token"
            />
          </Field>
        </>
      )}
      <Field label={words.minSeverity}>
        <select name="severity" defaultValue={target?.min_severity ?? "low"}>
          {SEVERITIES.map((one) => (
            <option key={one} value={one}>
              {words.from(t.alarms.severity[one])}
            </option>
          ))}
        </select>
      </Field>
      <Field label={words.device}>
        <select name="device" defaultValue={target?.device ?? ""} key={devices?.length ?? 0}>
          <option value="">{t.alarms.anyDevice}</option>
          {devices?.map(({ device }) => (
            <option key={device}>{device}</option>
          ))}
        </select>
      </Field>
      <Check name="cleared" label={words.alsoCleared} defaultChecked={target?.cleared ?? false} />
    </FormDialog>
  );
}

function targetOf(form: FormData, isMail: boolean, name: string | undefined): NoticeTarget {
  const text = (field: string) => String(form.get(field) ?? "").trim();
  const mail = text("mail").split(/[\s,;]+/);
  return {
    target: name ?? text("target"),
    url: isMail ? null : text("url"),
    mail: isMail ? mail.filter(Boolean) : [],
    secret: isMail ? null : text("secret") || null,
    min_severity: text("severity") as AlarmSeverity,
    device: text("device") || null,
    cleared: form.get("cleared") !== null,
  };
}

function RemoveDialog({ name, onClose }: { name: string; onClose: () => void }) {
  const words = t.alarms.notices;
  const telling = useTell(REMOVE_NOTICE_TARGETS, LIST_NOTICE_TARGETS);
  return (
    <ConfirmDialog
      telling={telling}
      request={{ targets: [name] }}
      title={words.removeTitle(name)}
      name="remove-target-dialog"
      submit={words.remove}
      done={words.removed(name)}
      onClose={onClose}
    >
      <Quiet>{words.removeMeans}</Quiet>
    </ConfirmDialog>
  );
}
