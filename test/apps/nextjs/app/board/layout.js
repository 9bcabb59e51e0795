export default function Layout({ children, panel }) {
  return (
    <main>
      {children}
      {panel}
    </main>
  );
}
