export default function RunsPage() {
  return <p>RunsPage</p>;
}
