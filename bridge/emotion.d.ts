// SPDX-License-Identifier: LGPL-2.1-or-later
// Types of emotion.js. Times are milliseconds; a confidence is 0..1.

export interface Face {
  /** A random number, another for each visit. */
  face: number;
  /** A label of the model, or "unsure". */
  emotion: string;
  confidence: number;
  /** Turned to the screen. */
  attention: boolean;
  /** In view when the state was told. */
  "present-ms": number;
}

export interface State {
  /** emotiond runs. */
  service: boolean;
  /** The bridge hears who is in view. */
  watching: boolean;
  /** Manager.State: "watching", "starting", "idle", "disabled", "no-camera", "error", or "". */
  state: string;
  /** Why there is no camera, as a name of org.emotiond.Emotion1.Error. */
  error: string;
  "in-use": boolean;
  version: string;
  /** What is shown; "" for nothing. */
  content: string;
  attentive: number;
  faces: Face[];
}

export interface PlayOptions {
  campaign?: string;
  screen?: string;
  "play-id"?: string;
  "duration-ms"?: number;
  position?: number;
}

export interface PlayResult {
  reason: string;
  "shown-ms": number;
  "observed-ms": number;
  viewers: number;
}

export interface EventMap {
  "state": CustomEvent<State>;
  "face-appeared": CustomEvent<{ face: number; at: number; camera: string }>;
  "face-vanished": CustomEvent<{ face: number; at: number; camera: string }>;
  "attention": CustomEvent<{ face: number; attention: boolean; at: number }>;
  "emotion": CustomEvent<{ face: number; from: string; to: string; confidence: number; at: number;
                           scores: Record<string, number> }>;
  "content": CustomEvent<{ content: string; play: string }>;
  /** The stream ended; it is opened again by itself. */
  "lost": CustomEvent<Error>;
  /** The bridge refused: wrong token, or a page of another origin. */
  "refused": CustomEvent<Refused>;
}

export class Refused extends Error {
  status: number;
}

export class Emotion extends EventTarget {
  /** @param url where the bridge is; default: where this module came from */
  constructor(options: { token: string; url?: string; listen?: boolean });
  readonly state: State;
  readonly connected: boolean;
  begin(content: string, options?: PlayOptions): Promise<string>;
  end(play?: string): Promise<PlayResult>;
  mark(label: string, play?: string): Promise<object>;
  show(content: string, options?: PlayOptions): Promise<object>;
  close(): void;
  addEventListener<K extends keyof EventMap>(type: K, listener: (event: EventMap[K]) => void): void;
}

export class Parser {
  constructor(onEvent: (id: string | undefined, name: string, data: any) => void);
  feed(part: string): void;
}
