// One reader a kind of source: its tables and folders as rows, in the source's order.
#pragma once

#include "data/sources/import.h"
#include "data/sources/source_row.h"

namespace dermis {

// ISIC challenge tables (one-hot or diagnosis column, one table or ground truth + metadata) and archive exports of the
// old and the new layout; BCN20000 and HIBA come in these layouts too.
SourceRows read_isic(const ImportOptions& options, const FieldPack& pack);
// metadata.csv and images/ as released; splits.csv where present.
SourceRows read_pad_ufes_20(const ImportOptions& options, const FieldPack& pack);
// FOLDER/<class>/... or FOLDER/<train|val|test>/<class>/...
SourceRows read_class_folders(const ImportOptions& options, const FieldPack& pack);
// Any CSV with a column map in TOML (`dermis data import csv --map`).
SourceRows read_mapped_csv(const ImportOptions& options, const FieldPack& pack);

}  // namespace dermis
