/** One of a few, all of them to be seen. */

interface Props<Option extends string> {
  readonly legend: string;
  readonly name: string; // of the group, and for tests: `${name}-${option}`
  readonly options: readonly Option[];
  readonly names: Readonly<Record<Option, string>>;
  readonly value: Option;
  readonly onChange: (option: Option) => void;
}

export function Choice<Option extends string>(props: Props<Option>) {
  const { legend, name, options, names, value, onChange } = props;
  return (
    <fieldset>
      <legend className="hidden">{legend}</legend>
      <div className="deployments-choice">
        {options.map((option) => (
          <label key={option}>
            <input
              type="radio"
              name={name}
              checked={option === value}
              onChange={() => onChange(option)}
              data-testid={`${name}-${option}`}
            />
            {names[option]}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
