export default function ChartsPage() {
  return <p>ChartsPage</p>;
}
