// Types of the vendored module, for `make lint`; no browser asks for them.
export { Chart, LineController, LineElement, PointElement, BarController, BarElement, CategoryScale, LinearScale, Filler } from "chart.js";
