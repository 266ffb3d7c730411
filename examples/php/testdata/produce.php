<?php

// Plays one producer: reads a case as JSON from its argument, prints what came
// of it as JSON.
require __DIR__ . '/../Event_dispatcher.php';
require __DIR__ . '/codeigniter.php';
date_default_timezone_set('America/Sao_Paulo');

$case = json_decode($argv[1], true, 512, JSON_THROW_ON_ERROR);
$params = $case['params'] ?? [];
if ($case['with'] === 'codeigniter') {
    $conn = mysqli_init();
    $conn->real_connect(null, 'root', '', $case['database'], 0, $case['socket']);
    $db = new CI_DB($conn, 'ea_');
    $begin = [$db, 'trans_begin'];
    $end = ['commit' => [$db, 'trans_commit'], 'rollback' => [$db, 'trans_rollback']];
    function get_instance()
    {
        return (object) ['db' => $GLOBALS['db']];
    }
} else {
    $pdo = new PDO($case['dsn'], $case['user'] ?? null, null, [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
    $params['pdo'] = $pdo;
    $begin = [$pdo, 'beginTransaction'];
    $end = ['commit' => [$pdo, 'commit'], 'rollback' => [$pdo, 'rollBack']];
}

$payloads = [
    'plain' => ['customer' => ['first_name' => 'José', 'note' => '😀 </p>'], 'n' => 1],
    'empty' => [],
    'list' => [1, 2],
    'null' => null,
    'latin1' => ['name' => "Jos\xe9"],
    'inf' => ['n' => INF],
    'fits' => ['a' => str_repeat('x', 65535 - 8)],
    'long' => ['a' => str_repeat('x', 65535 - 7)],
];
$at = isset($case['in']) ? new DateTimeImmutable("+{$case['in']} seconds") : ($case['at'] ?? null);

try {
    $events = new Event_dispatcher($params);
    $tx = $case['transaction'] ?? null;
    if ($tx !== null) {
        $begin();
    }
    $out = !empty($case['sync'])
        ? ['results' => $events->dispatch_sync($case['event'], $payloads[$case['payload']])]
        : ['id' => $events->dispatch($case['event'], $payloads[$case['payload']], $at, $case['key'] ?? null)];
    if ($tx !== null) {
        $end[$tx]();
    }
} catch (Event_dispatch_exception $e) {
    $out = ['error' => $e->getMessage(), 'results' => $e->results];
}
echo json_encode($out);
