export default function DeploymentsPage() {
  return <p>DeploymentsPage</p>;
}
