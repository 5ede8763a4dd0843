// Price changes that the ledger itself shows: periods in which new prices moved much of MRR are marked on charts, without anybody noting them.
import { address, useApi } from "./api.js";
import { money } from "./format.js";
import { useLedger } from "./ledger.js";

/** From what share of a period's opening MRR on its price changes are worth a mark. */
const WORTH = 0.01;

/**
 * Marks of price changes for a bridge that was asked with `asked`; none as known at an earlier time, where each question reads the log.
 * @param {Record<string, unknown> | null} asked nothing is asked, and marked, without it
 * @returns {(list: any[]) => import("./charts.js").Mark[]}
 */
export function usePriceChanges(asked) {
  const { currency, common, plans } = useLedger();
  const causes = useApi(common.as_known_at || !asked ? null : address("/api/v1/mrr", { ...asked, group_by: "cause" }));
  const prices = (causes.data?.data ?? []).filter((/** @type {any} */ one) => one.currency === currency && (one.group === "price_increase" || one.group === "price_decrease"));
  return (list) => list.flatMap((period, at) => {
    const amount = prices.filter((/** @type {any} */ one) => one.start === period.start).reduce((/** @type {number} */ sum, /** @type {any} */ one) => sum + Number(one.expansion_exact) + Number(one.contraction_exact), 0);
    const noted = plans.some((plan) => plan.kind === "price_change" && period.start <= plan.from && plan.from <= period.end);
    if (noted || !period.opening || Math.abs(amount) < WORTH * Math.abs(period.opening)) return [];
    return [{ at, label: `new prices: ${money(amount, currency, { signed: true })}`, kind: /** @type {const} */ ("price_change") }];
  });
}
