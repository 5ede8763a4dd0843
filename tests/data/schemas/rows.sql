-- A small log as mrrd wrote it, and what people keep beside it, for tests that bring each schema up to date: `-- from N` begins
-- what there was a table for from that step on. {true} is truth, {x:…} are bytes; each database writes them its own way.

-- from 1
INSERT INTO event (seq, id, variant, type, account, livemode, created, api_version, received_at, source, body_bytes, digest) VALUES (1, 'evt_1', 0, 'customer.created', '', {true}, 1768384800, '2025-12-15.clover', 1795872709, 'replay', 284, {x:0d0df53d0aa1b4aea2a151161053fa836a09b3c9b6bd347632f6e64f3e08b518});
INSERT INTO event (seq, id, variant, type, account, livemode, created, api_version, received_at, source, body_bytes, digest) VALUES (2, 'evt_2', 0, 'customer.subscription.created', '', {true}, 1768384800, '2025-12-15.clover', 1795872709, 'replay', 675, {x:30c35ca3de8e8e01d588666ff1eb888db907500319803e4514464cdadac12a8b});
INSERT INTO event (seq, id, variant, type, account, livemode, created, api_version, received_at, source, body_bytes, digest) VALUES (3, 'evt_3', 0, 'customer.subscription.created', '', {true}, 1768471200, '2025-12-15.clover', 1795872709, 'replay', 675, {x:1a5b5e57cbab84cad85f3af029142c831f04b05423c2485535648ed440bc0fcd});
INSERT INTO event (seq, id, variant, type, account, livemode, created, api_version, received_at, source, body_bytes, digest) VALUES (4, 'evt_4', 0, 'customer.subscription.updated', '', {true}, 1770112800, '2025-12-15.clover', 1795872709, 'replay', 994, {x:a00dca82cde476a6eb963c7cd5efc87d74133f19ff59b5e396ebbfccadf9f467});
INSERT INTO event (seq, id, variant, type, account, livemode, created, api_version, received_at, source, body_bytes, digest) VALUES (5, 'evt_5', 0, 'customer.subscription.deleted', '', {true}, 1771840800, '2025-12-15.clover', 1795872709, 'replay', 724, {x:9bf17d01898fa30a33cba427a56ea628c79b39697aa5985152d1bab45d08ca8a});
INSERT INTO event (seq, id, variant, type, account, livemode, created, api_version, received_at, source, body_bytes, digest) VALUES (6, 'evt_6', 0, 'charge.succeeded', '', {true}, 1768557600, '2025-12-15.clover', 1795872709, 'replay', 199, {x:4db143afef140c2fb09b6c6231a8d0a21410dc709158f6ea376415bd11b8cf56});
INSERT INTO event_body (seq, salt, codec, bytes) VALUES (1, {x:6bc7b941b4313fcac8159cc719b269bf}, 2, {x:28b52ffd601c00c5030053830c1b1b1b1b1a9087060ebaafd3488146f73934345290ae1e0e52705300aea89a026bbdf6d9f37e53b082146878a1f18d1a380816fcbf736981ca4d10d5aa688de7c73a2d1d7c28ff899e388a94ed26c950e9838ffc7460e197d40501626748f2770fde16ae129c73325eb75772ea51933584b3710701});
INSERT INTO event_body (seq, salt, codec, bytes) VALUES (2, {x:8bfdd066d2fcf19d7effdca9227871ff}, 2, {x:28b52ffd60a301ed070053c6171b1b1b1b35d8d8d848c1f542030729b0d6622f346e0a34406f444f6b2df62205d70b0d550ac61990e45a7aa1a1765f78a1f195600a52a071bf4881c6fd22b4a63848c14d01b8a26a0aacf5da67cffb4d410a34f017ea09d4f042e31b35701038fcfdc900467c7fb5cf5837624988626a2f2b5bef9de46bdd8c8428ddb4beb2c09a2fd33f257eb0065268366deb84d17a873c20f0f26fc23c6cd5d9bd357fd0afbdc20eb8d1b72ad7124938950756341fa77673d782d193893548f630bf995c113aaf5b630e0f247e05b33fd8a8df5fb13c229b85f7c9d383c35313ea7dc4bb24099122db90e6231fdc735b4ad313dc6564dc6c53d2d793857020});
INSERT INTO event_body (seq, salt, codec, bytes) VALUES (3, {x:115f8766dd023bc16d6ca0e2fdd1f3e0}, 2, {x:28b52ffd60a301ed070053c6171b1b1b1b35d8d8d848c1f542030729b0d65e2f346e0a34406f444f6bedf52205d80b0d550ac61990e45a7aa1a1765f78a1f195600a52a081bf488106fe22b4a63848c14d01b8a26a0aacc5b76bcffb4d410a34f217ea09d4f042e31b35701038fcfdc900467c7fb5cf5837624988626a2f2b5bef9de46bdd8c8428ddb4beb2c09a2fd33f257eb0065268366deb84d17a873c20f0f26fc23c6cd5d9bd357fd0afbdc20eb8d1b72ad7124938950756341fa77673d782d193893548f630bf995c113aaf5b630e0f247e05b33fd8a8df5fb13c229b85f7c9d383c35313ea7dc4bb24099122db90e6231fdc735b4ad313dc6564dc6c53d2d793857020});
INSERT INTO event_body (seq, salt, codec, bytes) VALUES (4, {x:98a4838d30e467a6b9d8aaa687883e4b}, 2, {x:28b52ffd60e2029d080003c7191b1b165b8c83146c6cd46063632305d70b0d1ca4c0da9dbdd0b829d000bd113dadddd98b145c2f345429186740926be98586da7de185c65782da67cf5390028dfb450a34ee17a135c5410a6e0ac015555360adc7f7dade6f0a52a0a1bf504fa086171adfa881833dfc8cda22a08550377f8f9c58f3aaa93f94d288ddaf765bd6942e09514c6d6165e9bd537ead9e9110a59bb6561638f365eaa7c4cfd5408acca62d386122ef9077045e6e4d9847ac3aabb7e6d9f44757d80f37b1adca63220983f3c08ae6e3d46eee5a30eeb75883f0ccfcc8f435b90e7a5e418d483c90a81dfc73b0c97f7fc8c23e369edee71d0f0e154c08c708962549fc8b6c43858f7c3652da4bf0a290f1747b9584de1e840301});
INSERT INTO event_body (seq, salt, codec, bytes) VALUES (5, {x:8339647f096228db22c9c30f195f5e7a}, 2, {x:28b52ffd60d401a50800f386191b1b1b29d8a8c1c6c6460aae171a384881b5f67aa17153a0017a237a5a6baf1729c05e68a85230ce8024d7d20b0db5fbc20b8daf04f1eddaf31468e02f52a081bf08ad290e52705300aea89a026bbdd5fef67e530092e097028dfd857a0235bcd0f8460d1c043ffcdc46ceddf52b2b4c802916acffb34622f112d6f7cf3a8b2651cda96db02c8aefe4614b050af17ed346c802b1be0cae32f1b35da413dab4ff214c6770e4a5c8cb4585f9c5cace30da3cc47eea9d5184f76457758a2905a5a5aa665e0e7f73bf05426e0b3908f7ec4f4e0394abbcbfbe7afe2b00bb0ca40205b33fd8a8df5fb13c229b85f7c9d383c35313ea7dc4bb24099122db90e6231fc30d30a5790b8e451903b6dd8bf410ae120b});
INSERT INTO event_body (seq, salt, codec, bytes) VALUES (6, {x:325fea69986620d0a2d84e3f9b470028}, 2, {x:28b52ffd20c7cd0200a3c2091b1b1b1af70b91878314dc14802baaa6c05adef7f6bcdf14a440837fa19e400d2f34be510307010ffc8461004009568aa743f28ec1830af8c1618159ea9fdd23e647c2dfbd5bb394090552870c2ddb4e127ab2560f04});
INSERT INTO fact (seq, normaliser, ordinal, kind, livemode, account, customer, object, codec, state) VALUES (1, 3, 0, 'customer', {true}, '', 'cus_1', 'cus_1', 4, {x:2e000000f01f86656576745f311a6967692071323032352d31322d31352e636c6f7665720000820284656375735f31624445f6f4});
INSERT INTO fact (seq, normaliser, ordinal, kind, livemode, account, customer, object, codec, state) VALUES (2, 3, 0, 'subscription', {true}, '', 'cus_1', 'sub_1', 4, {x:81000000f04286656576745f321a6967692071323032352d31322d31352e636c6f76657200008300f69818657375625f31656375735f3181036375736481856473695f318b6a70726963655f323030306670726f645f311e00f10582001907d082020100f6f4f6f6a0018080f58080620011f40600d0f6f6f6f4f6f6f6f6f6f6f6f6f4});
INSERT INTO fact (seq, normaliser, ordinal, kind, livemode, account, customer, object, codec, state) VALUES (3, 3, 0, 'subscription', {true}, '', 'cus_2', 'sub_2', 4, {x:81000000f04286656576745f331a6968baa071323032352d31322d31352e636c6f76657200008300f69818657375625f32656375735f3281036375736481856473695f328b6a70726963655f313030306670726f645f311e00f10582001903e882020100f6f4f6f6a0028080f58080620011f40600d0f6f6f6f4f6f6f6f6f6f6f6f6f4});
INSERT INTO fact (seq, normaliser, ordinal, kind, livemode, account, customer, object, codec, state) VALUES (4, 3, 0, 'subscription', {true}, '', 'cus_1', 'sub_1', 4, {x:de000000f06d86656576745f341a6981c72071323032352d31322d31352e636c6f766572000183009818657375625f31656375735f3181036375736481856473695f318b6a70726963655f323030306670726f645f316375736482001907d082020100f6f4f6f6a0018080f580801a69676920f41a69676920f6f6f6f4f6f6f6f6f609000f5e00102c33355e002f0dac5e000e60f6f6f6f6f6f4});
INSERT INTO fact (seq, normaliser, ordinal, kind, livemode, account, customer, object, codec, state) VALUES (5, 3, 0, 'subscription', {true}, '', 'cus_2', 'sub_2', 4, {x:89000000f04286656576745f351a699c252071323032352d31322d31352e636c6f76657200048300f69818657375625f32656375735f3281076375736481856473695f328b6a70726963655f313030306670726f645f311e00f10b82001903e882020100f6f4f6f6a0028080f580801a6968baa0f40600016d00010500b0f6f4f6f6f6f6f6f6f6f6f4});
INSERT INTO fact (seq, normaliser, ordinal, kind, livemode, account, customer, object, codec, state) VALUES (6, 3, 0, 'ignored', {true}, '', NULL, NULL, 0, {x:});
-- from 3
INSERT INTO progress (name, place) VALUES ('backfill.live', '1768384800');
-- from 4
INSERT INTO fx_rate (base, day, currency, rate, per_base) VALUES ('eur', '2026-01-14', 'usd', '1.1', {true});
INSERT INTO fx_import (imported_at, rates) VALUES (1768384800, 1);
-- from 5 until 50
INSERT INTO closing (profile, month, seq, closed_at, inputs, hash) VALUES ('stripe', '2026-01', 6, 1795872710, 'ledger 4
normaliser 3
zone UTC df3f619804a92fdb
customers CustomerRules { metadata_keys: [], exclude: [] }
profile Profile { name: "stripe", past_due: Count, unpaid: Churn, active_from: Start, churn_at: Request, discount_forever: Subtract, discount_repeating: Ignore, discount_once: Ignore, zero_by_discount: Churn, pause_collection: Count, metered: Ignore, paused: Zero, trial_granted: Contraction, inclusive_tax: Subtract, netting: Day, reactivation_within_days: None, reactivation_as: Reactivation, reporting: None, plans: Plans { same: {}, products: {}, prices: {} } }', '6646b8ffe59234f1f60418ebb67b8fbb3bf2eaa66475ad70de7527a7c4829c30');
INSERT INTO closing_total (profile, month, livemode, account, currency, line, amount) VALUES ('stripe', '2026-01', {true}, '', 'usd', 'at_risk', '0');
INSERT INTO closing_total (profile, month, livemode, account, currency, line, amount) VALUES ('stripe', '2026-01', {true}, '', 'usd', 'closing', '4000000000');
INSERT INTO closing_total (profile, month, livemode, account, currency, line, amount) VALUES ('stripe', '2026-01', {true}, '', 'usd', 'customers', '2000000');
INSERT INTO closing_total (profile, month, livemode, account, currency, line, amount) VALUES ('stripe', '2026-01', {true}, '', 'usd', 'estimated', '0');
INSERT INTO closing_total (profile, month, livemode, account, currency, line, amount) VALUES ('stripe', '2026-01', {true}, '', 'usd', 'list', '4000000000');
INSERT INTO closing_total (profile, month, livemode, account, currency, line, amount) VALUES ('stripe', '2026-01', {true}, '', 'usd', 'new', '4000000000');
INSERT INTO closing_total (profile, month, livemode, account, currency, line, amount) VALUES ('stripe', '2026-01', {true}, '', 'usd', 'opening', '0');
INSERT INTO closing_total (profile, month, livemode, account, currency, line, amount) VALUES ('stripe', '2026-01', {true}, '', 'usd', 'scheduled_churn', '0');
INSERT INTO closing_total (profile, month, livemode, account, currency, line, amount) VALUES ('stripe', '2026-01', {true}, '', 'usd', 'subscriptions', '2000000');
INSERT INTO closing_total (profile, month, livemode, account, currency, line, amount) VALUES ('stripe', '2026-01', {true}, '', 'usd', 'trials', '0');
INSERT INTO closing_customer (profile, month, livemode, account, customer, currency, opening, closing) VALUES ('stripe', '2026-01', {true}, '', 'cus_1', 'usd', 0, 2000000000);
INSERT INTO closing_customer (profile, month, livemode, account, customer, currency, opening, closing) VALUES ('stripe', '2026-01', {true}, '', 'cus_2', 'usd', 0, 2000000000);
INSERT INTO closing_movement (profile, month, livemode, account, customer, id, currency, day, effective_at, kind, amount) VALUES ('stripe', '2026-01', {true}, '', 'cus_1', 'mov_7d6100b072ac28c05e7c305b', 'usd', '2026-01-14', 1768384800, 'new', 2000000000);
INSERT INTO closing_movement (profile, month, livemode, account, customer, id, currency, day, effective_at, kind, amount) VALUES ('stripe', '2026-01', {true}, '', 'cus_2', 'mov_a7b4c823a1e6c58a3e04fdc1', 'usd', '2026-01-15', 1768471200, 'new', 2000000000);
-- from 6
INSERT INTO alert (id, rule, subject, day, raised_at, headline, content) VALUES ('al_1', 'large_loss', 'mov_1', '2026-02-23', 1771840900, 'A loss', '{}');
INSERT INTO outbox (alert, event, channel, message, state, created_at, attempts, next_at) VALUES ('al_1', 'raised', 'finance', '{}', 'delivered', 1771840900, 1, 1771840900);
-- from 19
INSERT INTO access_token (id, digest, name, role, created_at) VALUES ('tok_1', 'aa', 'ada', 'viewer', 1768384800);
-- from 20
INSERT INTO audit_trail (at, who, by, address, action, subject, detail) VALUES (1768384800, 'ada', 'command', '', 'month_closed', '2026-01', 'stripe');
-- from 27
INSERT INTO feed_entry (movement, version, change, customer, day, digest, content, created_at) VALUES ('mov_1', 1, 'created', 'cus_1', '2026-01-14', 'aa', '{}', 1768384800);
-- from 50
INSERT INTO closing (profile, month, seq, closed_at, inputs, hash, revision, who, reason) VALUES ('stripe', '2026-01', 6, 1795872710, 'ledger 4
normaliser 3
zone UTC df3f619804a92fdb
customers CustomerRules { metadata_keys: [], exclude: [] }
profile Profile { name: "stripe", past_due: Count, unpaid: Churn, active_from: Start, churn_at: Request, discount_forever: Subtract, discount_repeating: Ignore, discount_once: Ignore, zero_by_discount: Churn, pause_collection: Count, metered: Ignore, paused: Zero, trial_granted: Contraction, inclusive_tax: Subtract, netting: Day, reactivation_within_days: None, reactivation_as: Reactivation, reporting: None, plans: Plans { same: {}, products: {}, prices: {} } }', '6646b8ffe59234f1f60418ebb67b8fbb3bf2eaa66475ad70de7527a7c4829c30', 1, 'ada', '');
INSERT INTO closing_total (profile, month, livemode, account, currency, line, amount, revision) VALUES ('stripe', '2026-01', {true}, '', 'usd', 'at_risk', '0', 1);
INSERT INTO closing_total (profile, month, livemode, account, currency, line, amount, revision) VALUES ('stripe', '2026-01', {true}, '', 'usd', 'closing', '4000000000', 1);
INSERT INTO closing_total (profile, month, livemode, account, currency, line, amount, revision) VALUES ('stripe', '2026-01', {true}, '', 'usd', 'customers', '2000000', 1);
INSERT INTO closing_total (profile, month, livemode, account, currency, line, amount, revision) VALUES ('stripe', '2026-01', {true}, '', 'usd', 'estimated', '0', 1);
INSERT INTO closing_total (profile, month, livemode, account, currency, line, amount, revision) VALUES ('stripe', '2026-01', {true}, '', 'usd', 'list', '4000000000', 1);
INSERT INTO closing_total (profile, month, livemode, account, currency, line, amount, revision) VALUES ('stripe', '2026-01', {true}, '', 'usd', 'new', '4000000000', 1);
INSERT INTO closing_total (profile, month, livemode, account, currency, line, amount, revision) VALUES ('stripe', '2026-01', {true}, '', 'usd', 'opening', '0', 1);
INSERT INTO closing_total (profile, month, livemode, account, currency, line, amount, revision) VALUES ('stripe', '2026-01', {true}, '', 'usd', 'scheduled_churn', '0', 1);
INSERT INTO closing_total (profile, month, livemode, account, currency, line, amount, revision) VALUES ('stripe', '2026-01', {true}, '', 'usd', 'subscriptions', '2000000', 1);
INSERT INTO closing_total (profile, month, livemode, account, currency, line, amount, revision) VALUES ('stripe', '2026-01', {true}, '', 'usd', 'trials', '0', 1);
INSERT INTO closing_customer (profile, month, livemode, account, customer, currency, opening, closing, revision) VALUES ('stripe', '2026-01', {true}, '', 'cus_1', 'usd', 0, 2000000000, 1);
INSERT INTO closing_customer (profile, month, livemode, account, customer, currency, opening, closing, revision) VALUES ('stripe', '2026-01', {true}, '', 'cus_2', 'usd', 0, 2000000000, 1);
INSERT INTO closing_movement (profile, month, livemode, account, customer, id, currency, day, effective_at, kind, amount, revision) VALUES ('stripe', '2026-01', {true}, '', 'cus_1', 'mov_7d6100b072ac28c05e7c305b', 'usd', '2026-01-14', 1768384800, 'new', 2000000000, 1);
INSERT INTO closing_movement (profile, month, livemode, account, customer, id, currency, day, effective_at, kind, amount, revision) VALUES ('stripe', '2026-01', {true}, '', 'cus_2', 'mov_a7b4c823a1e6c58a3e04fdc1', 'usd', '2026-01-15', 1768471200, 'new', 2000000000, 1);
-- from 120
INSERT INTO import (id, kind, recorded_at, log_seq, who, file, taken, set_aside, seal) VALUES (1, 'attributes', 1768384800, 6, 'ada', 'crm.csv', 1, 1, {x:a9f262643f67c0d322222532e8958957b46e4bcbf3007583a43dfda754ddd7f1});
INSERT INTO import_attribute (import, line, metadata_key, customer, key, value, valid_from) VALUES (1, 2, '', 'cus_1', 'size', '20', '2026-01-01');
INSERT INTO import_set_aside (import, line, reason) VALUES (1, 3, 'it names no customer');
INSERT INTO audit_trail (at, who, by, address, action, subject, detail) VALUES (1768384800, 'ada', 'command', '', 'attributes_imported', 'import 1', '1 rows');
-- from 160
INSERT INTO goal (name, metric, target, currency, profile, account, first_day, last_day, owner, note, created_at) VALUES ('2026', 'mrr', '5000000', 'usd', 'stripe', '', '2026-01-01', '2026-12-31', 'ada', '', 1768384800);
INSERT INTO goal_end (goal, reason, created_at) VALUES (1, 'the plan changed', 1768384801);
-- from 170
INSERT INTO segment_version (id, name, condition, recorded_at, log_seq, who) VALUES (1, 'large', 'mrr >= 15', 1768384800, 6, 'ada');
-- from 171
INSERT INTO import (id, kind, recorded_at, log_seq, who, file, taken, set_aside, seal) VALUES (2, 'spend', 1768384801, 6, 'ada', 'costs.csv', 1, 0, {x:4d68f19d372f98a393232dade5c9cfc42a34cd79b0ce721a606037138cee138a});
INSERT INTO import_spend (import, line, month, currency, kind, segment, amount) VALUES (2, 2, '2026-05', 'usd', 'sales', '', '123456');
INSERT INTO audit_trail (at, who, by, address, action, subject, detail) VALUES (1768384801, 'ada', 'command', '', 'spend_imported', 'import 2', '1 rows');
-- derived from 2
INSERT INTO generation (state, fingerprint, position) VALUES ('current', 'ledger 1', 6);
