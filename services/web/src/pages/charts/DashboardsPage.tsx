export default function DashboardsPage() {
  return <p>DashboardsPage</p>;
}
