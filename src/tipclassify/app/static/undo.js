// What this tab did, to take back and to do again; kept so that a reload does not end it.
// Covered by tests/app/test_review_page.py.
const MOST = 500;

export class Undos {
  done = []; // actions, the latest last
  // actions taken back: {...action, undo}, `undo` the number of the undo, null if the action was
  // never sent
  undone = [];
  #place;

  constructor(place) {
    this.#place = place;
    try {
      Object.assign(this, JSON.parse(sessionStorage.getItem(place) || "{}"));
    } catch {
      // another version's notes: start without them
    }
  }

  did(action, again = false) {
    this.done = [...this.done, action].slice(-MOST);
    if (!again) this.undone = [];
    this.#keep();
  }

  tookBack(action) {
    this.done = this.done.filter(({ n }) => n !== action.n);
    this.undone.push(action);
    this.#keep();
  }

  /** The action to do again, no more in the list of these. */
  again() {
    const action = this.undone.pop();
    this.#keep();
    return action;
  }

  #keep() {
    try {
      sessionStorage.setItem(this.#place, JSON.stringify({ done: this.done, undone: this.undone }));
    } catch {
      // full or forbidden: undo ends with this page
    }
  }
}
