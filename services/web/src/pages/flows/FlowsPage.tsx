export default function FlowsPage() {
  return <p>FlowsPage</p>;
}
