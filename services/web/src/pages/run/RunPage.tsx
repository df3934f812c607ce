export default function RunPage() {
  return <p>RunPage</p>;
}
