// Keeps a page up to date without losing what somebody is writing. Every page works without this.
"use strict";
(() => {
  const EVERY_MS = 4000;
  const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

  const tellTimes = () => {
    for (const time of document.querySelectorAll("time[datetime]")) {
      const seconds = (Date.parse(time.dateTime) - Date.now()) / 1000;
      const [unit, size] = units.find(([, size]) => Math.abs(seconds) >= size) ?? units[3];
      const told = words.format(Math.round(seconds / size), unit);
      if ("exact" in time.dataset) {
        time.title = told; // what happened is looked up by its time
        continue;
      }
      time.title ||= time.textContent;
      time.textContent = told;
    }
  };

  const isBusy = (live) =>
    [...live.querySelectorAll("input:not([type=hidden])")].some((field) => field.value !== field.defaultValue) ||
    live.querySelector("input:focus, details[open]") !== null;

  const refresh = async () => {
    const live = document.querySelector("[data-live]");
    if (live === null || document.hidden) return;
    const url = new URL(live.dataset.url, location.origin);
    url.searchParams.set("auto", "1");
    url.searchParams.set("have", live.dataset.live);
    const answer = await fetch(url, { redirect: "manual" });
    if (answer.type === "opaqueredirect") return location.assign(live.dataset.url); // the session is over
    if (answer.status !== 200) return;
    const there = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = there.querySelector("[data-live]");
    if (fresh === null || fresh.dataset.live === live.dataset.live) return;
    if (isBusy(live)) {
      document.getElementById("changed")?.removeAttribute("hidden");
      return;
    }
    document.title = there.title;
    live.replaceWith(fresh);
    tellTimes();
  };

  tellTimes();
  setInterval(tellTimes, 10000);
  setInterval(() => refresh().catch(() => {}), EVERY_MS); // the gateway may restart: the next try tells
  document.addEventListener("submit", (event) => {
    for (const button of event.target.querySelectorAll("button")) button.disabled = true;
  });
  window.addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("button")) button.disabled = false;
  });
})();
