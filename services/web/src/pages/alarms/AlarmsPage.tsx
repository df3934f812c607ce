export default function AlarmsPage() {
  return <p>AlarmsPage</p>;
}
