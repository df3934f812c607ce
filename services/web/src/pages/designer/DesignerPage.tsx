export default function DesignerPage() {
  return <p>DesignerPage</p>;
}
