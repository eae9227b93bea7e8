// Children whose databases have other encodings, under a parent in UTF-8.
#include <gtest/gtest.h>

#include "support/hierarchy.h"

namespace tributary::test {
namespace {

TEST(EncodingsTest, names_and_values_arrive_right) {
  const std::string table = R"("Büro"."straße ""ö""")";
  const auto tables = [&](const std::string& child) {
    SentTable sent{.name = table,
                   .where = "\"prüfung\" = 'gültig' AND state = 'geprüft'",
                   .key = {"id"},
                   .owned = "id LIKE " + quoted(child + "%")};
    return std::vector<SentTable>{sent};
  };
  Hierarchy tree;
  tree.add({.name = "region"});
  for (const auto& [name, encoding] :
       {std::pair<std::string, std::string>{"latin", "LATIN1"}, {"western", "WIN1252"}, {"plain", "UTF8"}}) {
    tree.add({.name = name,
              .parent = "region",
              .tables = tables(name),
              .owns = "owns = \"id LIKE '" + name + "%'\"",
              .encoding = encoding});
  }
  tree.exec_everywhere(R"(
    CREATE SCHEMA "Büro";
    CREATE TYPE "Büro"."zuständ" AS ENUM ('Entwurf', 'geprüft');
    CREATE FUNCTION noise(bytes int) RETURNS text LANGUAGE sql VOLATILE AS
      $$ SELECT substr(string_agg(md5(random()::text), ''), 1, bytes) FROM generate_series(0, bytes / 32) $$;
    CREATE TABLE )" + table +
                       R"( (id text PRIMARY KEY, "größe" text, "prüfung" varchar(20) NOT NULL, body text,
      state "Büro"."zuständ" NOT NULL DEFAULT 'Entwurf', tags text[], fixed char(6), doc jsonb))");
  tree.start();

  for (const std::string name : {"latin", "western", "plain"}) {
    Sql& child = tree[name].sql();
    const std::string special = name == "latin"     ? ""
                                : name == "western" ? "€ „Zitat“ – Œuvre ™"
                                                    : "日本語 🏛️ €";
    child.exec(
        "INSERT INTO " + table + R"( SELECT $1 || ' é' || n, 'Größe ß ñ ÿ ' || $2, 'ungültig', noise(20000) || 'é',
                 'Entwurf', ARRAY['ä', $2, NULL], 'ßéü', jsonb_build_object('schlüssel', 'ö' || $2)
                 FROM generate_series(1, 20) n)",
        {name, special});
    child.exec("UPDATE " + table + " SET \"prüfung\" = 'gültig' WHERE id LIKE '%1%'");
    child.exec("UPDATE " + table + " SET state = 'geprüft'");
    child.exec("UPDATE " + table + " SET tags = tags || '«é»'::text, id = id || 'ü' WHERE id LIKE '%1'");
  }
  tree.expect_equal();
  EXPECT_EQ(tree["region"].sql().number("SELECT count(*) FROM " + table), 33);
  EXPECT_EQ(tree["latin"].sql().value("SHOW server_encoding"), "LATIN1");
}

}  // namespace
}  // namespace tributary::test
