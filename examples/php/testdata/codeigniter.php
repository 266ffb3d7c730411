<?php

// What Event_dispatcher uses of CodeIgniter 3's mysqli driver, with its
// behaviour: binds are escaped into the statement, a failed query is false.
class CI_DB
{
    private int $depth = 0;
    private bool $failed = false;

    public function __construct(private mysqli $conn, private string $prefix)
    {
        mysqli_report(MYSQLI_REPORT_OFF);
    }

    public function dbprefix(string $table): string
    {
        return $this->prefix . $table;
    }

    public function query(string $sql, array $binds)
    {
        $parts = explode('?', $sql);
        foreach ($binds as $i => $bind) {
            $parts[$i] .= is_int($bind) ? $bind : "'" . $this->conn->real_escape_string($bind) . "'";
        }
        $result = $this->conn->query(implode('', $parts));
        if ($result === false) {
            $this->failed = true;
            return false;
        }
        return $result === true ? true : new CI_DB_result($result);
    }

    public function insert_id(): int
    {
        return $this->conn->insert_id;
    }

    public function trans_begin(): void
    {
        if ($this->depth++ === 0) {
            $this->conn->begin_transaction();
        }
    }

    public function trans_commit(): void
    {
        if (--$this->depth === 0) {
            $this->conn->commit();
        }
    }

    public function trans_rollback(): void
    {
        if (--$this->depth === 0) {
            $this->conn->rollback();
        }
    }
}

class CI_DB_result
{
    public function __construct(private mysqli_result $result)
    {
    }

    public function row_array(): ?array
    {
        return $this->result->fetch_assoc();
    }
}
