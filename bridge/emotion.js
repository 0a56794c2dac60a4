// SPDX-License-Identifier: LGPL-2.1-or-later
// What emotion-bridge tells a page, and what a page tells it. One module, no dependency; emotion.d.ts has the types.
//
//     import { Emotion } from "http://127.0.0.1:8787/emotion.js";
//     const emotion = new Emotion({ token: "..." });
//     emotion.addEventListener("state", () => console.log(emotion.state.faces.length));

const FIRST_WAIT_MS = 500, LONGEST_WAIT_MS = 10000, SILENCE_MS = 40000, LONGEST_EVENT = 262144;

export class Refused extends Error {
  constructor(status, name, message) {
    super(message);
    this.status = status;
    this.name = name;
  }
}

const nothing = () => ({ service: false, watching: false, state: "", error: "", "in-use": false, version: "", content: "",
                         attentive: 0, faces: [] });

// The parts of a stream of server-sent events; "part" may end anywhere.
export class Parser {
  constructor(onEvent) {
    this.onEvent = onEvent;
    this.rest = "";
  }

  feed(part) {
    const lines = (this.rest + part).split("\n\n");
    this.rest = lines.pop();
    if (this.rest.length > LONGEST_EVENT)
      throw new Error("an event without end");
    for (const block of lines) {
      const event = {};
      for (const line of block.split("\n")) {
        const colon = line.indexOf(":");
        if (colon > 0)
          event[line.slice(0, colon)] = line.slice(colon + 1).replace(/^ /, "");
      }
      if (event.event)
        this.onEvent(event.id, event.event, JSON.parse(event.data));
    }
  }
}

export class Emotion extends EventTarget {
  #url; #token; #stop; #lastId = ""; #before = nothing(); #wait = FIRST_WAIT_MS; #ended = false; #play = "";

  constructor({ token, url = new URL(import.meta.url).origin, listen = true }) {
    super();
    this.#url = url;
    this.#token = token;
    this.state = nothing();
    this.connected = false;
    if (typeof window !== "undefined")
      window.addEventListener("pagehide", () => this.#leave());
    if (listen)
      this.#run();
  }

  close() {
    this.#ended = true;
    this.#stop?.abort();
  }

  // ---- what is shown

  async begin(content, options = {}) {
    this.#play = (await this.#post("/v1/plays", { content, ...options })).play;
    return this.#play;
  }

  async end(play = this.#play) {
    if (play === this.#play)
      this.#play = "";
    return this.#post(`/v1/plays/${play}/end`, {});
  }

  async mark(label, play = this.#play) {
    return this.#post(`/v1/plays/${play}/mark`, { label });
  }

  async show(content, options = {}) {
    return this.#post("/v1/content", { content, ...options });
  }

  // A page that goes has no time for an answer, and a beacon carries no headers.
  #leave() {
    if (this.#play)
      navigator.sendBeacon(`${this.#url}/v1/plays/${this.#play}/end`, JSON.stringify({ token: this.#token }));
    this.#play = "";
  }

  async #post(path, body) {
    const answer = await fetch(this.#url + path, {
      method: "POST", body: JSON.stringify(body), cache: "no-store",
      headers: { "Authorization": `Bearer ${this.#token}`, "Content-Type": "application/json" },
    });
    const said = await answer.json();
    if (!answer.ok)
      throw new Refused(answer.status, said.error, said.message);
    return said;
  }

  // ---- what is seen

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  #find(id) {
    return this.state.faces.find((f) => f.face === id);
  }

  #change(name, data) {
    const s = this.state, face = this.#find(data.face);
    switch (name) {
    case "state":
      this.state = data;
      break;
    case "face-appeared":
      if (!face)
        s.faces.push({ face: data.face, emotion: "unsure", confidence: 0, attention: false, "present-ms": 0 });
      break;
    case "face-vanished":
      s.faces = s.faces.filter((f) => f !== face);
      break;
    case "emotion":
      if (face)
        Object.assign(face, { emotion: data.to, confidence: data.confidence });
      break;
    case "attention":
      if (face)
        face.attention = data.attention;
      break;
    case "content":
      s.content = data.content;
      break;
    }
    this.state.attentive = this.state.faces.filter((f) => f.attention).length;
  }

  #lose(why) {
    if (this.connected) {
      this.#before = this.state;
      this.#tell("lost", why);
    }
    this.connected = false;
    this.state = nothing();
    this.#tell("state", this.state);
  }

  async #run() {
    while (!this.#ended) {
      try {
        await this.#listen();
        this.#lose(new Error("the bridge has ended the stream"));
      } catch (error) {
        if (this.#ended)
          break;
        this.#lose(error);
        if (error instanceof Refused) {
          this.#wait = LONGEST_WAIT_MS;
          this.#tell("refused", error);
        }
      }
      // not all pages at the same moment
      await new Promise((go) => setTimeout(go, this.#wait * (0.5 + Math.random())));
      this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
    }
  }

  async #listen() {
    this.#stop = new AbortController();
    let silence = setTimeout(() => this.#stop.abort(), SILENCE_MS);
    try {
      const headers = { "Authorization": `Bearer ${this.#token}` };
      if (this.#lastId)
        headers["Last-Event-ID"] = this.#lastId;
      const answer = await fetch(`${this.#url}/v1/events`, { headers, cache: "no-store", signal: this.#stop.signal });
      if (!answer.ok) {
        const said = await answer.json().catch(() => ({ error: "Unknown", message: answer.statusText }));
        throw new Refused(answer.status, said.error, said.message);
      }
      this.connected = true;
      this.#wait = FIRST_WAIT_MS;
      const parser = new Parser((id, name, data) => {
        this.#lastId = id ?? this.#lastId;
        this.#change(name, data);
        this.#tell(name, data);
      });
      if (this.#lastId) { // what was missed follows, or the state if that is gone
        this.state = this.#before;
        this.#tell("state", this.state);
      }
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { value, done } = await reader.read();
        if (done)
          return;
        clearTimeout(silence);
        silence = setTimeout(() => this.#stop.abort(), SILENCE_MS);
        parser.feed(value);
      }
    } finally {
      clearTimeout(silence);
    }
  }
}
