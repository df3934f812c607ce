BEGIN TRANSACTION;
CREATE TABLE chunk (
    stream text not null,
    first integer not null,
    items integer not null,
    body blob not null,
    primary key (stream, first)
);
INSERT INTO "chunk" VALUES('samples',2,3,X'85A4746167739182A3746167A174A4756E6974A14BA3746167C406000000000000A26174C41803E025DAFE5B060004E025DAFE5B060005E025DAFE5B0600A576616C7565C418000000000000084000000000000010400000000000001440A77175616C697479C403000000');
INSERT INTO "chunk" VALUES('samples',5,1,X'85A4746167739182A3746167A174A4756E6974A14BA3746167C4020000A26174C40806E025DAFE5B0600A576616C7565C4080000000000001840A77175616C697479C40100');
INSERT INTO "chunk" VALUES('run_events',0,3,X'84A372756EA172A4666C6F77A462726577A776657273696F6E01A66576656E74739385A26964A3723A30A474797065A158A9637265617465644174CF000001A0C4506C00A66E756D62657200A46461746181A16E0085A26964A3723A31A474797065A158A9637265617465644174CF000001A0C4506C01A66E756D62657201A46461746181A16E0185A26964A3723A32A474797065A158A9637265617465644174CF000001A0C4506C02A66E756D62657202A46461746181A16E02');
CREATE TABLE executed (
    run text not null,
    number integer not null,
    error text,
    primary key (run, number)
);
INSERT INTO "executed" VALUES('r',1,'no such tag');
CREATE TABLE lost (
    at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    stream text not null,
    epoch text not null,
    first integer not null,
    items integer not null,
    why text not null
);
INSERT INTO "lost" VALUES('2026-11-22T14:49:21.379Z','samples','dbefa37a27fe48539e7503cfdb4da178',0,2,'at is in the future');
CREATE TABLE run (
    run text primary key,
    next_event integer not null     -- all below are in the stream
);
INSERT INTO "run" VALUES('r',3);
CREATE TABLE stream (
    name text primary key,
    epoch text not null,
    base integer not null,          -- the number that is the epoch's 0
    next_number integer not null,   -- of the next item to come
    acknowledged integer not null,  -- all below are committed at the other end
    bytes integer not null          -- of all waiting chunks
);
INSERT INTO "stream" VALUES('samples','4da1f3e6dbfa4956b9050df59c21b31e',2,6,3,176);
INSERT INTO "stream" VALUES('run_events','28137b52b67240079493f5cd988b555e',0,3,0,187);
COMMIT;
