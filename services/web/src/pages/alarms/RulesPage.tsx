export default function RulesPage() {
  return <p>RulesPage</p>;
}
