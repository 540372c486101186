#!/bin/sh
# A small dbt project: seed, run, test, snapshot, docs. `dbt` (dbt-core with dbt-postgres) is in PATH.
set -e
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/models" "$folder/seeds" "$folder/snapshots" "$folder/macros"
cd "$folder"
cat > dbt_project.yml <<'END'
name: shop
profile: shop
version: "1.0"
END
cat > profiles.yml <<'END'
shop:
  target: dev
  outputs:
    dev:
      type: postgres
      host: "{{ env_var('PGHOST') }}"
      port: "{{ env_var('PGPORT') | as_number }}"
      user: "{{ env_var('PGUSER') }}"
      password: "{{ env_var('PGPASSWORD') }}"
      dbname: "{{ env_var('PGDATABASE') }}"
      schema: analytics
      threads: 1
END
printf 'code,label\nnew,New\npaid,Paid\n' > seeds/statuses.csv
cat > models/sources.yml <<'END'
version: 2
sources:
  - name: public
    schema: public
    tables:
      - name: orders
        loaded_at_field: "now()"
        freshness: {warn_after: {count: 1, period: day}}
        columns: [{name: id, data_tests: [unique, not_null]}]
      - name: customers
models:
  - name: order_totals
    description: Totals
    config: {persist_docs: {relation: true, columns: true}}
    columns:
      - {name: customer_id, description: who, data_tests: [unique, not_null]}
  - name: recent_orders
    columns:
      - name: status
        data_tests: [{accepted_values: {values: [new, paid]}}, {relationships: {to: ref('statuses'), field: code}}]
END
echo "select customer_id, sum(total) as total from {{ source('public', 'orders') }} group by 1" > models/order_totals.sql
cat > models/recent_orders.sql <<'END'
{{ config(materialized='incremental', unique_key='id', indexes=[{'columns': ['id'], 'unique': true}]) }}
select id, status, total from {{ source('public', 'orders') }}
{% if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}
END
cat > models/customer_table.sql <<'END'
{{ config(materialized='table') }}
select c.id, c.name, t.total from {{ source('public', 'customers') }} c left join {{ ref('order_totals') }} t on t.customer_id = c.id
END
cat > models/total_copy.sql <<'END'
{{ config(materialized='materialized_view') }}
select total from {{ ref('order_totals') }}
END
cat > snapshots/orders.sql <<'END'
{% snapshot orders_history %}
{{ config(target_schema='analytics', unique_key='id', strategy='check', check_cols=['status']) }}
select id, status from {{ source('public', 'orders') }}
{% endsnapshot %}
END
export DBT_PROFILES_DIR="$folder" DBT_SEND_ANONYMOUS_USAGE_STATS=false DO_NOT_TRACK=1
dbt debug
dbt seed
dbt run
dbt run
dbt snapshot
dbt snapshot
dbt test
dbt source freshness
dbt show --select order_totals --limit 5
dbt docs generate
