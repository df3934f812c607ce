export default function JournalPage() {
  return <p>JournalPage</p>;
}
