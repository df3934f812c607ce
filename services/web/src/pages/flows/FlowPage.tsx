export default function FlowPage() {
  return <p>FlowPage</p>;
}
