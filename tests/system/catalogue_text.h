// A database's catalogue as text, one line per thing, so that two can be compared: what a person could tell apart with
// \d+, \dp, \du, \drds, \dRp+, \dy or pg_dump. Names, not oids; a list of rights that is the default one is equal to
// none. Not: statistics, and relhastriggers and relhasindex, which only VACUUM takes back.
#pragma once

#include <algorithm>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "support/sql.h"

namespace tributary::test {

namespace catalogue {

inline std::string rights(const std::string& acl, const std::string& kind, const std::string& owner) {
  return "(SELECT string_agg(coalesce(nullif(grantee, 0)::regrole::text, 'PUBLIC') || '=' || privilege_type ||"
         " is_grantable::text, ',' ORDER BY grantee::regrole::text, privilege_type) FROM aclexplode(coalesce(" +
         acl + ", acldefault('" + kind + "', " + owner + "))))";
}

// Of the database itself; `schemas` are left out.
inline std::vector<std::pair<std::string, std::string>> database_queries() {
  const std::string of_users =
      " n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname !~ "
      "'^pg_temp|^pg_toast' ";
  return {
      {"schema", "SELECT nspname, nspowner::regrole, " + rights("nspacl", "n", "nspowner") +
                     " FROM pg_namespace n WHERE" + of_users},
      {"relation",
       "SELECT n.nspname, relname, relkind, relowner::regrole, relreplident, relpersistence, relispartition,"
       " relrowsecurity, reloptions, am.amname, " +
           rights("relacl", "r", "relowner") +
           " FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace LEFT JOIN pg_am am ON am.oid = relam"
           " WHERE relkind <> 'i' AND relkind <> 'I' AND" +
           of_users},
      {"column",
       "SELECT attrelid::regclass, attnum, attname, atttypid::regtype, atttypmod, attnotnull, attidentity,"
       " attgenerated, attstorage, attisdropped, attcollation::regcollation, attacl,"
       " pg_get_expr(adbin, adrelid) FROM pg_attribute JOIN pg_class c ON c.oid = attrelid"
       " JOIN pg_namespace n ON n.oid = relnamespace LEFT JOIN pg_attrdef ON adrelid = attrelid"
       " AND adnum = attnum WHERE (attnum > 0 OR attacl IS NOT NULL) AND" +
           of_users},
      {"index",
       "SELECT pg_get_indexdef(indexrelid), indisvalid, indisready, indislive, indisreplident, indisprimary,"
       " indisclustered, c.relispartition FROM pg_index JOIN pg_class c ON c.oid = indexrelid"
       " JOIN pg_namespace n ON n.oid = relnamespace WHERE" +
           of_users},
      {"constraint",
       "SELECT conrelid::regclass, conname, pg_get_constraintdef(o.oid), convalidated FROM pg_constraint o"
       " JOIN pg_namespace n ON n.oid = connamespace WHERE" +
           of_users},
      {"inheritance", "SELECT inhrelid::regclass, inhparent::regclass FROM pg_inherits"},
      {"trigger", "SELECT tgrelid::regclass, pg_get_triggerdef(oid), tgenabled FROM pg_trigger WHERE NOT tgisinternal"},
      {"internal triggers", "SELECT tgrelid::regclass, count(*) FROM pg_trigger WHERE tgisinternal GROUP BY 1"},
      {"rule", "SELECT ev_class::regclass, rulename FROM pg_rewrite"},
      {"event trigger", "SELECT evtname, evtevent, evtenabled, evttags, evtfoid::regproc FROM pg_event_trigger"},
      {"function", "SELECT p.oid::regprocedure, proowner::regrole, md5(prosrc), provolatile, prosecdef, proconfig, " +
                       rights("proacl", "f", "proowner") +
                       " FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE" + of_users},
      {"type", "SELECT n.nspname, typname, typtype, " + rights("typacl", "T", "typowner") +
                   " FROM pg_type JOIN pg_namespace n ON n.oid = typnamespace WHERE" + of_users},
      {"enum", "SELECT enumtypid::regtype, enumlabel FROM pg_enum"},
      {"publication",
       "SELECT pubname, puballtables, pubinsert, pubupdate, pubdelete, pubtruncate, pubviaroot"
       " FROM pg_publication"},
      {"published",
       "SELECT pubname, prrelid::regclass, pg_get_expr(prqual, prrelid), prattrs FROM pg_publication_rel"
       " JOIN pg_publication p ON p.oid = prpubid"},
      {"published schema", "SELECT pnpubid, pnnspid FROM pg_publication_namespace"},
      {"policy", "SELECT polrelid::regclass, polname FROM pg_policy"},
      {"default rights", "SELECT defaclrole::regrole, defaclobjtype, defaclacl FROM pg_default_acl"},
      {"comment",
       "SELECT pg_describe_object(classoid, objoid, objsubid), description FROM pg_description"
       " WHERE objoid >= 16384"},
      {"extension", "SELECT extname FROM pg_extension"},
      {"label", "SELECT pg_describe_object(classoid, objoid, objsubid), label FROM pg_seclabel"},
      {"dependency",
       "SELECT regexp_replace(pg_describe_object(classid, objid, objsubid), 'pg_toast_[0-9]+', 'pg_toast', 'g'),"
       " regexp_replace(pg_describe_object(refclassid, refobjid, refobjsubid), 'pg_toast_[0-9]+', 'pg_toast', 'g'),"
       " deptype FROM pg_depend WHERE objid >= 16384 AND classid <> 'pg_rewrite'::regclass"},
  };
}

// Of the cluster.
inline std::vector<std::pair<std::string, std::string>> cluster_queries() {
  return {
      {"role",
       "SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication,"
       " rolbypassrls, rolconnlimit, rolvaliduntil FROM pg_roles"},
      {"member", "SELECT roleid::regrole, member::regrole, admin_option FROM pg_auth_members"},
      {"role setting", "SELECT setdatabase, setrole::regrole, setconfig FROM pg_db_role_setting"},
      {"database", "SELECT datname, datdba::regrole, " + rights("datacl", "d", "datdba") + " FROM pg_database"},
      {"parameter", "SELECT parname, paracl FROM pg_parameter_acl"},
      {"slot", "SELECT slot_name FROM pg_replication_slots"},
      {"origin", "SELECT roname FROM pg_replication_origin"},
      {"subscription", "SELECT subname FROM pg_subscription"},
      {"shared dependency",
       "SELECT dbid, classid, refclassid, refobjid::regrole, deptype, count(*) FROM pg_shdepend"
       " WHERE refclassid = 'pg_authid'::regclass GROUP BY 1, 2, 3, 4, 5"},
  };
}

inline std::set<std::string> lines(Sql& sql, const std::vector<std::pair<std::string, std::string>>& queries) {
  std::set<std::string> lines;
  for (const auto& [kind, query] : queries)
    for (const Row& row : sql.rows(query)) {
      std::string line = kind + ":";
      for (const auto& value : row) line += " | " + value.value_or("NULL");
      while (!lines.insert(line).second) line += " (again)";
    }
  return lines;
}

}  // namespace catalogue

inline std::set<std::string> database_catalogue(Sql& sql) {
  return catalogue::lines(sql, catalogue::database_queries());
}
inline std::set<std::string> cluster_catalogue(Sql& sql) {
  return catalogue::lines(sql, catalogue::cluster_queries());
}

// "" when they are equal, else the lines that only one has.
inline std::string difference(const std::set<std::string>& expected, const std::set<std::string>& actual) {
  std::ostringstream text;
  for (const std::string& line : expected)
    if (!actual.contains(line)) text << "missing: " << line << "\n";
  for (const std::string& line : actual)
    if (!expected.contains(line)) text << "left:    " << line << "\n";
  return text.str();
}

}  // namespace tributary::test
