export default function OnePage() {
  return <p>OnePage</p>;
}
