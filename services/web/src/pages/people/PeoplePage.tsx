export default function PeoplePage() {
  return <p>PeoplePage</p>;
}
