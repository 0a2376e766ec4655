// Search in pages opened from the disk, where browsers start no Worker: the same in a hidden frame. Material for MkDocs
// knows a Worker of this name, and would otherwise fetch one from the network.
class IFrameWorker extends EventTarget {
  constructor(url) {
    super();
    const base = new URL(url, document.baseURI), frame = document.createElement("iframe");
    frame.hidden = true;
    document.body.append(frame);
    const inside = frame.contentWindow;
    const load = (source) => new Promise((done, failed) => {
      const script = inside.document.createElement("script");
      Object.assign(script, { src: new URL(source, base), onload: done, onerror: failed });
      inside.document.body.append(script);
    });
    inside.importScripts = (...sources) => sources.reduce((all, source) => all.then(() => load(source)), Promise.resolve());
    inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
    const ready = load(base);
    this.postMessage = (data) => ready.then(() => inside.dispatchEvent(new inside.MessageEvent("message", { data })));
    this.terminate = () => frame.remove();
  }
}
if (location.protocol === "file:") Object.assign(window, { IFrameWorker, Worker: IFrameWorker });
