export default function KpisPage() {
  return <p>KpisPage</p>;
}
