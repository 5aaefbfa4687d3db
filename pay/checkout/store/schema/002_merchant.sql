-- What the bank is told of a shop: kept, so that the money of a shop that is no longer configured can still be settled.
ALTER TABLE merchant ADD COLUMN terminal TEXT NOT NULL DEFAULT '';
ALTER TABLE merchant ADD COLUMN mcc TEXT NOT NULL DEFAULT '';
ALTER TABLE merchant ADD COLUMN country TEXT NOT NULL DEFAULT '';
