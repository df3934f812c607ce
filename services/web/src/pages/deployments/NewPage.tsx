export default function NewPage() {
  return <p>NewPage</p>;
}
