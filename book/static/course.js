// docutils marks the bibliography as a list whose entries have a role that lists may not hold, so
// that screen readers would announce an empty list.
for (const entry of document.querySelectorAll('[role="list"] > [role="doc-biblioentry"]')) {
  entry.setAttribute("role", "listitem");
}
