-- What was sealed for the holder of an address that is free again is nobody's: also where the vault had been given up before (T26).
DELETE FROM "lost_vault" WHERE "account_id" IN (
    SELECT "id" FROM "account" WHERE "state" = 'removed' AND "address_key" = 'released ' || "id"
);
