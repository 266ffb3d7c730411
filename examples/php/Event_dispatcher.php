<?php

/**
 * Puts events into Earshot's queue, in the application's own transaction.
 *
 * CodeIgniter 3: copy to application/libraries, then
 *     $this->load->library('event_dispatcher');
 *     $this->event_dispatcher->dispatch('appointment.saved', $payload);
 *
 * Anything else with PDO:
 *     $events = new Event_dispatcher(['pdo' => $pdo]);
 *     $events->dispatch('order.paid', ['id' => 7]);
 *
 * Nothing is ever cut or swallowed: what cannot be stored whole is an
 * Event_dispatch_exception, so that the transaction can be rolled back.
 */
class Event_dispatch_exception extends RuntimeException
{
    /** What the listeners answered to dispatch_sync: listener, outcome, message. */
    public array $results = [];
}

class Event_dispatcher
{
    private ?PDO $pdo;
    private string $table;
    private int $max_bytes;
    private array $command;
    /** The framework's connection; null with PDO. */
    private ?object $db = null;

    /**
     * @param array $params pdo: the connection, null for CodeIgniter's own;
     *   table: the queue (event_queue, with CodeIgniter's prefix before it);
     *   max_bytes: longest payload (65535, what a TEXT column holds; 1048576 is
     *   what a host reads by default where the column is LONGTEXT);
     *   command: how the host is run for dispatch_sync (['earshot']).
     */
    public function __construct(array $params = [])
    {
        $this->pdo = $params['pdo'] ?? null;
        $this->max_bytes = $params['max_bytes'] ?? 65535;
        $this->command = $params['command'] ?? ['earshot'];
        $table = $params['table'] ?? null;
        if ($this->pdo === null) {
            $this->db = get_instance()->db;
            $table = $table ?? $this->db->dbprefix('event_queue');
        }
        $this->table = $table ?? 'event_queue';
        if (!preg_match('/^[A-Za-z0-9_]{1,64}$/D', $this->table)) {
            throw new Event_dispatch_exception("\"{$this->table}\" is not the name of a table");
        }
    }

    /**
     * Writes one event and returns its id. The listeners are called by a host
     * once the transaction has been committed.
     *
     * @param array|object $payload becomes a JSON object
     * @param DateTimeInterface|string|null $scheduled_at not before this time
     * @param string|null $key what happened, by a name of your own: of events with
     *   one key only the first is written, and its id returned
     */
    public function dispatch(string $event_name, $payload, $scheduled_at = null, ?string $key = null): int
    {
        $this->check_name($event_name);
        $json = $this->encode($payload);
        $delay = $this->seconds_until($scheduled_at);
        if ($key === null) {
            return $this->insert($event_name, $json, $delay);
        }
        if ($key === '' || preg_match('/^.{192,}$/Dsu', $key) !== 0) {
            throw new Event_dispatch_exception('the key must have 1 to 191 characters');
        }
        return $this->in_transaction(function () use ($event_name, $json, $delay, $key) {
            return $this->insert_once($event_name, $json, $delay, $key);
        });
    }

    /**
     * Calls the listeners now, without the queue, and returns what each
     * answered. If one has not delivered, that is an exception with the results.
     */
    public function dispatch_sync(string $event_name, $payload): array
    {
        $this->check_name($event_name);
        $json = $this->encode($payload);
        // A list of words needs no shell, and so no quoting.
        $words = array_merge($this->command, ['dispatch', $event_name, '--payload', '-', '--sync', '-o', 'json']);
        $process = @proc_open($words, [['pipe', 'r'], ['pipe', 'w'], ['file', 'php://stderr', 'w']], $pipes);
        if ($process === false) {
            throw new Event_dispatch_exception("{$words[0]} cannot be run");
        }
        @fwrite($pipes[0], $json);
        fclose($pipes[0]);
        $answer = stream_get_contents($pipes[1]);
        fclose($pipes[1]);
        $code = proc_close($process);
        $results = json_decode($answer, true);
        if (!is_array($results)) {
            throw new Event_dispatch_exception("{$words[0]} gave no answer for {$event_name} (exit code {$code})");
        }
        if ($code !== 0) {
            $failed = new Event_dispatch_exception("not every listener of {$event_name} has delivered");
            $failed->results = $results;
            throw $failed;
        }
        return $results;
    }

    private function check_name(string $name): void
    {
        if (!preg_match('/^[!-)+-~]{1,100}$/D', $name)) {
            throw new Event_dispatch_exception("\"{$name}\" is not an event name: 1 to 100 printable ASCII characters, such as appointment.saved");
        }
    }

    /** The default flags write pure ASCII, which every connection keeps as it is. */
    private function encode($payload): string
    {
        if ($payload === []) {
            $payload = new stdClass();
        }
        try {
            $json = json_encode($payload, JSON_THROW_ON_ERROR);
        } catch (JsonException $e) {
            throw new Event_dispatch_exception('the payload cannot be encoded as JSON: ' . $e->getMessage(), 0, $e);
        }
        if ($json[0] !== '{') {
            throw new Event_dispatch_exception('the payload must be an object, or an array with names');
        }
        if (strlen($json) > $this->max_bytes) {
            throw new Event_dispatch_exception(sprintf('the payload has %d bytes, more than the %d that are kept whole', strlen($json), $this->max_bytes));
        }
        return $json;
    }

    /** Seconds, so that the database adds them to its own clock, in its own zone. */
    private function seconds_until($time): int
    {
        if ($time === null) {
            return 0;
        }
        if (is_string($time)) {
            try {
                $time = new DateTimeImmutable($time);
            } catch (Exception $e) {
                throw new Event_dispatch_exception("\"{$time}\" is not a time", 0, $e);
            }
        }
        return max(0, $time->getTimestamp() - time());
    }

    private function insert(string $name, string $json, int $delay): int
    {
        $now = $this->sqlite() ? "strftime('%Y-%m-%d %H:%M:%f', 'now')" : 'NOW()';
        $later = $this->sqlite() ? "strftime('%Y-%m-%d %H:%M:%f', 'now', ? || ' seconds')" : 'NOW() + INTERVAL ? SECOND';
        $scheduled = $delay > 0 ? $later : 'NULL';
        $binds = $delay > 0 ? [$name, $json, $delay] : [$name, $json];
        $this->run("INSERT INTO {$this->table} (event_name, payload, scheduled_at, create_datetime, update_datetime) VALUES (?, ?, {$scheduled}, {$now}, {$now})", $binds);
        return (int) ($this->pdo ? $this->pdo->lastInsertId() : $this->db->insert_id());
    }

    /** Taking the key makes a second producer wait for the first one's commit. */
    private function insert_once(string $name, string $json, int $delay, string $key): int
    {
        $this->run($this->sqlite()
            ? "INSERT INTO event_keys (dedup_key, created_at) VALUES (?, strftime('%Y-%m-%d %H:%M:%f', 'now')) ON CONFLICT (dedup_key) DO NOTHING"
            : 'INSERT INTO event_keys (dedup_key, created_at) VALUES (?, UTC_TIMESTAMP(6)) ON DUPLICATE KEY UPDATE event_id = event_id', [$key]);
        $id = $this->read('SELECT event_id FROM event_keys WHERE dedup_key = ?', [$key]);
        if ($id === 0) {
            $id = $this->insert($name, $json, $delay);
            $this->run('UPDATE event_keys SET event_id = ? WHERE dedup_key = ?', [$id, $key]);
        }
        return $id;
    }

    /** Joins the application's transaction, or makes one. */
    private function in_transaction(callable $do): int
    {
        if ($this->pdo === null) {
            // CodeIgniter counts transactions within one another.
            $this->db->trans_begin();
            try {
                $id = $do();
            } catch (Throwable $e) {
                $this->db->trans_rollback();
                throw $e;
            }
            $this->db->trans_commit();
            return $id;
        }
        if ($this->pdo->inTransaction()) {
            return $do();
        }
        $this->pdo->beginTransaction();
        try {
            $id = $do();
            $this->pdo->commit();
            return $id;
        } catch (Throwable $e) {
            $this->pdo->rollBack();
            throw $e;
        }
    }

    private function sqlite(): bool
    {
        return $this->pdo !== null && $this->pdo->getAttribute(PDO::ATTR_DRIVER_NAME) === 'sqlite';
    }

    private function run(string $sql, array $binds)
    {
        try {
            if ($this->pdo === null) {
                $done = $this->db->query($sql, $binds);
            } else {
                $done = $this->pdo->prepare($sql);
                $done = $done !== false && $done->execute($binds) ? $done : false;
            }
        } catch (Throwable $e) {
            throw new Event_dispatch_exception('the event could not be written: ' . $e->getMessage(), 0, $e);
        }
        if ($done === false) {
            throw new Event_dispatch_exception('the event could not be written: the database refused it');
        }
        return $done;
    }

    private function read(string $sql, array $binds): int
    {
        $rows = $this->run($sql, $binds);
        return (int) ($this->pdo === null ? current((array) $rows->row_array()) : $rows->fetchColumn());
    }
}
