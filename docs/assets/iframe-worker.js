// Lets the search work when the site is opened from a folder: browsers refuse to start a worker from a file, so its script
// runs in a hidden frame instead, and messages go both ways as they would with a worker.
(function () {
  "use strict";
  if (location.protocol !== "file:" || !window.Worker) return;

  class FileWorker extends EventTarget {
    constructor(url) {
      super();
      this.address = String(new URL(url, document.baseURI));
      this.waiting = [];
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.frame.title = "search";
      document.body.append(this.frame);
      const inner = this.frame.contentWindow;
      // Inside, the worker's script calls postMessage(data) with nothing else: that goes out as an event of ours.
      inner.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      inner.importScripts = (...scripts) =>
        scripts.reduce((before, script) => before.then(() => this.load(script)), Promise.resolve());
      this.load(this.address).then(() => {
        this.ready = true;
        this.waiting.splice(0).forEach((data) => this.postMessage(data));
      });
    }

    load(address) {
      return new Promise((resolve, reject) => {
        const script = this.frame.contentDocument.createElement("script");
        script.src = address;
        script.onload = resolve;
        script.onerror = reject;
        this.frame.contentDocument.body.append(script);
      });
    }

    postMessage(data) {
      if (!this.ready) return void this.waiting.push(data);
      const inner = this.frame.contentWindow;
      inner.dispatchEvent(new inner.MessageEvent("message", { data }));
    }

    terminate() {
      this.frame.remove();
    }
  }

  window.Worker = FileWorker;
  window.IFrameWorker = FileWorker; // by this name the theme's script knows that its imports are asynchronous
})();
