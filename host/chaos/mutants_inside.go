package main

// insideTransaction keeps a claim's transaction open until all that it holds
// has been recorded, in place of leases.
const insideTransaction = `package queue

import (
	"context"
	"sync"

	"gorm.io/gorm"

	"github.com/earshot-host/earshot/host/internal/event"
)

type openTx struct {
	tx   *gorm.DB
	left int
}

var (
	openMu  sync.Mutex
	openTxs = make(map[string]*openTx)
)

func (s *Store) inside(ctx context.Context, token string, fn func(tx *gorm.DB) error) error {
	tx := s.db.WithContext(context.WithoutCancel(ctx)).Begin()
	if tx.Error != nil {
		return tx.Error
	}
	if err := fn(tx); err != nil {
		tx.Rollback()
		return err
	}
	openMu.Lock()
	defer openMu.Unlock()
	openTxs[token] = &openTx{tx: tx}
	return nil
}

func (s *Store) held(token string) *gorm.DB {
	openMu.Lock()
	defer openMu.Unlock()
	return openTxs[token].tx
}

func (s *Store) expect(token string, n int) {
	openMu.Lock()
	openTxs[token].left = n
	openMu.Unlock()
	if n == 0 {
		s.commit(token)
	}
}

func (s *Store) commit(token string) error {
	openMu.Lock()
	o := openTxs[token]
	delete(openTxs, token)
	openMu.Unlock()
	if o == nil {
		return nil
	}
	return o.tx.Commit().Error
}

func (s *Store) recordInside(ctx context.Context, group []event.Settled, fn func(*gorm.DB, []event.Settled) error) error {
	byToken := make(map[string][]event.Settled)
	for _, st := range group {
		byToken[st.Delivery.Token] = append(byToken[st.Delivery.Token], st)
	}
	for token, part := range byToken {
		openMu.Lock()
		o := openTxs[token]
		openMu.Unlock()
		if o == nil {
			if err := s.write(ctx, func(tx *gorm.DB) error { return fn(tx, part) }); err != nil {
				return err
			}
			continue
		}
		if err := fn(o.tx, part); err != nil {
			return err
		}
		if o.left -= len(part); o.left <= 0 {
			if err := s.commit(token); err != nil {
				return err
			}
		}
	}
	return nil
}
`
