show work_mem
--> show setting work_mem
--> reads only

show all
--> show setting all
--> reads only

SHOW "Server_Version"
--> show setting server_version
--> reads only

show transaction isolation level
--> show setting transaction_isolation
--> reads only

show search_path
--> show setting search_path
--> reads only
