-- A user name and a password in a system's URL are credentials, and no part of the installation's identity: the row
-- keeps its crossrefs, cursors and deliveries under the URL without them.  Where several rows are one installation
-- (its password was changed once), the newest is the one in use; the older ones keep what is theirs, under a URL that
-- nobody can configure.
create temporary table renamed on commit drop as
select id, plain, row_number() over (partition by kind, plain, database order by id desc) as place,
    bool_or(url <> plain) over (partition by kind, plain, database) as affected
from (
    select id, kind, database, url, regexp_replace(url, '^([A-Za-z][A-Za-z0-9+.-]*://)[^/?#]*@', '\1') as plain
    from installations
) as stripped;

update installations set url = plain || '#' || name
from renamed where renamed.id = installations.id and affected and place > 1;

update installations set url = plain
from renamed where renamed.id = installations.id and affected and place = 1;
